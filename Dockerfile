# The CPU app: docker build -t tfg-studio . && docker run -p 5001:5001 -v tfg-data:/data tfg-studio
FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 procps && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home studio && mkdir /data && chown studio /data
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=studio . .
USER studio
# user data (avatars, results, environments) lives in the volume; the engine's environment is made at build time there
ENV TFG_HOME=/data TFG_HOST=0.0.0.0 TFG_PORT=5001
RUN python environments/manage.py create talking_gaussian
VOLUME /data
EXPOSE 5001
HEALTHCHECK --interval=30s --start-period=30s CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:5001/')"
CMD ["python", "demo.py"]

# The CPU app:
#   docker build -t tfg-studio . && docker run -p 127.0.0.1:5001:5001 -v tfg-data:/data tfg-studio
FROM python:3.12-slim
# libgomp1: threads of the CPU kernels; tini: hands on signals and buries the job runners that outlive their parent
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 procps tini && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 studio && install -d -o studio /app /data
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1
WORKDIR /app
COPY requirements.txt .
RUN pip install --root-user-action=ignore -r requirements.txt
COPY --chown=studio . .
USER studio
# user data (avatars, results, environments) lies in the volume, which starts as a copy of what the build puts there;
# the compiled kernels lie beside their sources, and are compiled once more where the processor is another one
ENV TFG_HOME=/data TFG_HOST=0.0.0.0 TFG_PORT=5001
RUN python environments/manage.py create talking_gaussian
VOLUME /data
EXPOSE 5001
HEALTHCHECK --interval=30s --start-period=30s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:${TFG_PORT}/', timeout=5)"
ENTRYPOINT ["tini", "--"]
CMD ["python", "demo.py"]

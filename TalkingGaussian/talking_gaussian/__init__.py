"""The avatar engine: sound in, a talking 3D-Gaussian head out. Knows nothing of the page or of jobs."""

ENGINE_VERSION = "0.1.0"

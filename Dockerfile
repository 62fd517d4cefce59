FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv /opt/smpp-esme
COPY constraints.txt ./
RUN /opt/smpp-esme/bin/pip install --quiet -c constraints.txt pip
COPY pyproject.toml README.md LICENSE ./
COPY smpp_esme ./smpp_esme
RUN /opt/smpp-esme/bin/pip install --quiet -c constraints.txt --build-constraint constraints.txt '.[all]'

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/smpp-esme smpp-esme
COPY --from=build /opt/smpp-esme /opt/smpp-esme
ENV PATH=/opt/smpp-esme/bin:$PATH PYTHONUNBUFFERED=1
USER smpp-esme
# A volume mounted here starts as a copy of this folder, and so belongs to the user who writes the database.
WORKDIR /var/lib/smpp-esme
EXPOSE 2775 8080
ENTRYPOINT ["smpp-esme"]
CMD ["--help"]

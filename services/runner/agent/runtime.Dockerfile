# What every language image is in the end: its toolchain, and the agent as process 1.
ARG TOOLCHAIN
FROM ${TOOLCHAIN}
COPY --from=runlet/agent /runlet-agent /runlet-agent
WORKDIR /tmp
ENTRYPOINT ["/runlet-agent"]

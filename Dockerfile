# The images of docker-compose.yml: auth, chat, and init, which prepares their secrets and the proxy's configuration.
# They keep the layout of the repository and run its TypeScript as it is; only the pages are built.

FROM node:24-bookworm-slim AS base
WORKDIR /app
ENV NODE_ENV=production NPM_CONFIG_UPDATE_NOTIFIER=false NPM_CONFIG_FUND=false

# What npm needs to know of the workspaces: changed code does not install anything anew.
FROM base AS manifests
COPY package.json package-lock.json ./
COPY shared/package.json shared/
COPY services/auth/package.json services/auth/
COPY services/chat/package.json services/chat/
COPY services/web/package.json services/web/
COPY scripts/setup.mjs scripts/

FROM manifests AS packages
RUN node scripts/setup.mjs image && npm cache clean --force

FROM manifests AS pages
RUN node scripts/setup.mjs check
COPY tsconfig.json ./
COPY shared/src/protocol.ts shared/src/
COPY services/web services/web
RUN node scripts/setup.mjs start

FROM base AS services
COPY --from=packages /app ./
COPY shared shared
COPY services/auth services/auth
COPY services/chat services/chat
COPY scripts scripts
# A read-only container has one place to write: npm, which `npm run admin` runs in, keeps its logs there or nowhere.
ENV NPM_CONFIG_CACHE=/tmp/npm NPM_CONFIG_LOGS_MAX=0 MODE=distributed INTERNAL_HOST=0.0.0.0
# Ready means that the stores answer too. The slim image has no curl.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.INTERNAL_PORT}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
USER node

FROM services AS auth
COPY --from=pages /app/services/web/dist services/web/dist
ENV INTERNAL_PORT=5001
EXPOSE 5000 5001
CMD ["node", "services/auth/src/main.ts"]

# The settings of the allocator: docs/decisions/2026-11-23-memory-of-idle-connections.md.
FROM services AS chat
ENV INTERNAL_PORT=8766 MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=16000 MALLOC_TRIM_THRESHOLD_=16000 MALLOC_TOP_PAD_=4096
EXPOSE 8765 8766
CMD ["node", "--max-semi-space-size=2", "services/chat/src/main.ts"]

# Volumes inherit owner and mode from these folders. Each is for one group of readers, and what is written into it
# belongs to that group; `kept` is read by init alone.
FROM services AS init
USER root
COPY proxy proxy
RUN reader() { mkdir -p "/volumes/$1" && chown "node:$2" "/volumes/$1" && chmod 2770 "/volumes/$1"; } \
  && reader kept 5200 && reader services 5201 && reader proxy 5202 && reader postgres 5203 && reader redis 5204
HEALTHCHECK NONE
USER node
CMD ["node", "scripts/init.ts"]

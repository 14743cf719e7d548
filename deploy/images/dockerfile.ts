import { configOf } from './config.ts';
import type { ImageSpec } from './images.ts';
import { imageUser } from './layers/base-layer.ts';

/** What the first stage needs to run set-up and the build; all of it stays behind. */
const buildPackages = ['ca-certificates', 'g++', 'nodejs', 'npm', 'python3', 'python3-pip'];

/**
 * A Dockerfile that comes to the same tree as our own build, for those who build with an engine: the first stage runs the very
 * same command, the second takes the tree and says the same about it. Written by `npm run images -- --dockerfiles`.
 */
export function dockerfileOf(spec: ImageSpec): string {
  const { Env, Entrypoint, Cmd = [], WorkingDir, ExposedPorts = {}, StopSignal, Labels } = configOf(spec, '$VERSION');
  const labels = Object.entries(Labels).map(([key, value]) => `LABEL ${key}=${JSON.stringify(value)}`);
  return `${[
    '# Written by `npm run images -- --dockerfiles`: change deploy/images/dockerfile.ts instead.',
    `# docker build -f deploy/images/Dockerfile.${spec.name} --build-arg VERSION=… -t testudo/${spec.name} .`,
    'ARG BASE=debian:bookworm-slim',
    'FROM $BASE AS build',
    `RUN apt-get update \\`,
    `  && apt-get install -y --no-install-recommends ${buildPackages.join(' ')} \\`,
    '  && rm -rf /var/lib/apt/lists/*',
    'WORKDIR /src',
    'COPY . .',
    `RUN node tools/setup.mjs --without-redis && npm run images -- ${spec.name} --tree /tree`,
    '',
    'FROM scratch',
    'ARG VERSION=unreleased',
    'COPY --from=build /tree/ /',
    `COPY --from=build --chown=${imageUser}:${imageUser} /tree/data/ /data/`,
    ...labels,
    ...Env.map((entry) => `ENV ${entry.replace(/=(.*)$/, (_, value) => `=${JSON.stringify(value)}`)}`),
    `USER ${imageUser}:${imageUser}`,
    `WORKDIR ${WorkingDir}`,
    'VOLUME ["/data"]',
    `EXPOSE ${Object.keys(ExposedPorts).join(' ')}`,
    `STOPSIGNAL ${StopSignal}`,
    `ENTRYPOINT ${JSON.stringify(Entrypoint)}`,
    `CMD ${JSON.stringify(Cmd)}`,
  ].join('\n')}\n`;
}

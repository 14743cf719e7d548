import type { ImageSpec } from './images.ts';
import { imageUser } from './layers/base-layer.ts';
import type { ImageConfig } from './oci/media-types.ts';

/** How an image runs when its runtime is told nothing else: no root, data under /data, the command line as its program. */
export function configOf(
  { name, description, command, env, ports }: ImageSpec,
  version: string,
): ImageConfig['config'] {
  return {
    User: `${imageUser}:${imageUser}`,
    Env: [
      'PATH=/usr/local/bin',
      'NODE_ENV=production',
      'HOME=/data',
      'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
      ...env,
    ],
    Entrypoint: ['/usr/local/bin/node', '/app/cli/testudo.js'],
    Cmd: command,
    WorkingDir: '/data',
    Volumes: { '/data': {} },
    ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])),
    StopSignal: 'SIGTERM',
    Labels: {
      'org.opencontainers.image.title': `testudo-${name}`,
      'org.opencontainers.image.description': description,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    },
  };
}

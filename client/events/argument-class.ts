/**
 * What a call's arguments say, as one small number: the class of the path or of the port that it names. Classes and not
 * values, so that no file name and no address of a cluster is learnt by heart. Detectors embed the number; 0 is none.
 */
const pathClasses: readonly (readonly [string, RegExp])[] = [
  [
    'credentials',
    /^\/etc\/(?:shadow|gshadow|passwd|sudoers|krb5\.keytab)|\/\.ssh\/|\/id_(?:rsa|ed25519|ecdsa)|^\/(?:var\/)?run\/secrets\//,
  ],
  ['container-control', /\/(?:docker|containerd|crio)(?:\/[\w.-]+)?\.sock$|^\/sys\/fs\/cgroup\/.*release_agent/],
  [
    'persistence',
    /^\/etc\/(?:cron|systemd|init\.d|rc\.local|ld\.so\.preload|profile)|^\/var\/spool\/cron|\/authorized_keys$/,
  ],
  ['proc-other', /^\/proc\/\d+\//],
  ['proc', /^\/proc(?:\/|$)/],
  ['sys', /^\/sys(?:\/|$)/],
  ['library', /\.so(?:\.[\d.]+)?$|^\/(?:usr\/)?(?:local\/)?lib(?:32|64|x32)?\//],
  ['program', /^\/(?:usr\/)?(?:local\/)?s?bin\//],
  ['etc', /^\/etc(?:\/|$)/],
  ['temporary', /^\/(?:tmp|var\/tmp|dev\/shm)(?:\/|$)/],
  ['device', /^\/dev(?:\/|$)/],
  ['log', /^\/var\/log(?:\/|$)/],
  ['run', /^\/(?:var\/)?run(?:\/|$)/],
  ['home', /^\/(?:home|root)(?:\/|$)/],
  ['data', /^\/(?:var|srv|opt|data|mnt)(?:\/|$)/],
  ['share', /^\/usr(?:\/|$)/],
  ['absolute', /^\//],
  ['relative', /^./s],
];

const portClasses: readonly (readonly [string, (port: number) => boolean])[] = [
  ['port-zero', (port) => port === 0],
  ['dns', (port) => port === 53],
  ['ssh', (port) => port === 22],
  ['web', (port) => port === 80 || port === 443 || port === 8080 || port === 8443],
  ['store', (port) => [3306, 5432, 6379, 9042, 11211, 27017, 9200].includes(port)],
  ['kubernetes', (port) => [6443, 10250, 2379, 2380].includes(port)],
  ['privileged', (port) => port < 1_024],
  ['registered', (port) => port < 32_768],
  ['ephemeral', () => true],
];

/** Names by number; the first is "none". */
export const argumentClasses: readonly string[] = [
  'none',
  ...pathClasses.map(([name]) => `path:${name}`),
  ...portClasses.map(([name]) => `port:${name}`),
];

export const noArgumentClass = 0;

/** Class of a path as the caller spelt it; `noArgumentClass` for an empty one. */
export function pathClass(path: string): number {
  return pathClasses.findIndex(([, pattern]) => pattern.test(path)) + 1;
}

/** Class of a port, 0 to 65,535. */
export function portClass(port: number): number {
  return pathClasses.length + 1 + portClasses.findIndex(([, holds]) => holds(port));
}

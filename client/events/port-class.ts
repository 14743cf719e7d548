import { foldedPort, manyPorts } from './flow-record.ts';

const listed: Readonly<Record<string, readonly number[]>> = {
  dns: [53, 853, 5353],
  web: [80, 443, 3000, 5000, 8000, 8008, 8080, 8081, 8443, 8888, 9080],
  rpc: [50_051, 15_010, 15_012, 135],
  'remote-shell': [22, 23, 512, 513, 514, 3389, 5900, 5985, 5986],
  'file-transfer': [20, 21, 69, 139, 445, 873, 2049, 9418],
  'relational-store': [1433, 1521, 3306, 5432, 26_257],
  'key-value-store': [6379, 7000, 9042, 9200, 9300, 11_211, 16_379, 27_017],
  queue: [1883, 2181, 4222, 5671, 5672, 9092, 9093, 61_616],
  kubernetes: [2379, 2380, 6443, 10_250, 10_255, 10_256, 10_257, 10_259, 4240, 4244],
  telemetry: [4317, 4318, 8125, 9090, 9091, 9100, 9153, 9253, 9411, 14_250, 14_268, 15_020, 15_090],
  directory: [25, 88, 110, 143, 389, 465, 587, 636, 993, 3268],
};

/** Classes of served ports, the same words in every cluster. The order is that of the models' columns. */
export const portClasses: readonly string[] = [
  'none',
  ...Object.keys(listed),
  'privileged',
  'registered',
  'node-port',
  'per-connection',
  'many',
];

const [none, privileged, registered, nodePort, perConnection, many] = [
  'none',
  'privileged',
  'registered',
  'node-port',
  'per-connection',
  'many',
].map((name) => portClasses.indexOf(name)) as [number, number, number, number, number, number];

/** Kubernetes gives Services of type NodePort 30000 to 32767; Linux gives connections 32768 and up. */
const classOf = new Uint8Array(manyPorts + 1)
  .fill(perConnection)
  .fill(nodePort, 0, 32_768)
  .fill(registered, 0, 30_000)
  .fill(privileged, 0, 1_024);
for (const [at, ports] of Object.values(listed).entries()) for (const port of ports) classOf[port] = 1 + at;
classOf[0] = none;
classOf[foldedPort] = perConnection;
classOf[manyPorts] = many;

/** Number of a served port's class in `portClasses`; `foldedPort` and `manyPorts` have theirs. */
export function portClassOf(port: number): number {
  return classOf[port] ?? none;
}

/** Whether a port is one that systems give out for single connections, rather than one that is served. */
export function isPerConnection(port: number): boolean {
  return portClassOf(port) === perConnection;
}

/** Whether a port is known for one service. */
export function isWellKnown(port: number): boolean {
  const found = portClassOf(port);
  return found !== none && found <= privileged;
}

/** Connections that a coordinator or a door did not take, or ended, by why: lines of its metrics that are not zero. `health`: host:port. */
export async function refusedConnectionsAt(health: string): Promise<readonly string[]> {
  const text = await (await fetch(`http://${health}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => /^testudo_(connections|handshakes)_refused_total\{/.test(line) && !line.endsWith(' 0'));
}

const scheme = 'testudo-sensor:';

/** A node's name as Kubernetes has them (RFC 1123), and as file tokens may say it. */
export function isNodeName(text: string): boolean {
  return /^[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,251}[a-zA-Z0-9])?$/.test(text);
}

/** What stands in a sensor's certificate. */
export function uriOfNode(node: string): string {
  return `${scheme}${node}`;
}

/** Whose certificate this is, by its subject's alternative names; undefined where it is no sensor's. */
export function nodeOfNames(subjectAltName: string | undefined): string | undefined {
  const prefix = `URI:${scheme}`;
  if (subjectAltName?.startsWith(prefix) !== true) return undefined;
  const node = subjectAltName.slice(prefix.length);
  return isNodeName(node) ? node : undefined;
}

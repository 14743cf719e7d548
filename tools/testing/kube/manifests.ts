/** What service accounts outside kube-system ask for is written down: the measure of whether a role is as small as it can be. */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'None',
      users: [
        'admin',
        'system:kube-scheduler',
        'system:kube-controller-manager',
        'system:apiserver',
        'system:anonymous',
      ],
    },
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
    // With what was asked: the uid says which pod it was, where a name says it of two.
    { level: 'Request', verbs: ['create', 'patch'], resources: [{ group: '', resources: ['pods', 'pods/eviction'] }] },
    { level: 'Metadata' },
  ],
};

/** How a user with a certificate reaches the API server. */
export function kubeconfig(
  url: string,
  authority: Buffer,
  as: Readonly<{ user: string; certificate: Buffer; key: Buffer }>,
) {
  const base64 = (bytes: Buffer) => bytes.toString('base64');
  const user = { 'client-certificate-data': base64(as.certificate), 'client-key-data': base64(as.key) };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server: url, 'certificate-authority-data': base64(authority) } }],
    users: [{ name: as.user, user }],
    contexts: [{ name: 'local', context: { cluster: 'local', user: as.user } }],
    'current-context': 'local',
  };
}

/** Nodes that kwok plays, one zone each up to three. */
export function nodes(count: number) {
  const room = { cpu: '8', memory: '32Gi', 'ephemeral-storage': '100Gi', pods: '1800' };
  return Array.from({ length: count }, (_, at) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `node-${at + 1}`,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: {
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/os': 'linux',
        'kubernetes.io/hostname': `node-${at + 1}`,
        'topology.kubernetes.io/zone': `zone-${(at % 3) + 1}`,
      },
    },
    status: { allocatable: room, capacity: room },
  }));
}

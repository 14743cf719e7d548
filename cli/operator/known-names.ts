import { didYouMean, nearest } from '../../base/text/nearest.ts';
import { isRelay } from '../../coordinator/round/relay-rule.ts';
import { type Cluster, ClusterStatus } from '../../proto/generated/testudo/v1/operator.ts';
import type { Subject } from '../../proto/release/documents/catalogue.ts';
import { exitWith } from '../exit.ts';
import { complain } from '../print.ts';
import { subjectText } from './arguments.ts';
import type { OperatorConnection } from './connection.ts';
import { pages } from './pages.ts';

export const forceOption = ['--force', 'also for a name that no member has yet'] as const;
/** For a verb that makes members with labels. */
export const forceLabelsOption = ['--force', 'also with a key of labels that is nearly one in use'] as const;

/** Every member and former member. */
export function allClusters(connection: OperatorConnection): Promise<readonly Cluster[]> {
  return pages(
    (page) => connection.call(connection.client.listClusters, { page }),
    ({ clusters }) => clusters,
  );
}

/** Whether any member is a region. */
export function overRegions(members: readonly Cluster[]): boolean {
  return members.some(
    ({ status, labels }) =>
      status === ClusterStatus.CLUSTER_STATUS_ENROLLED &&
      isRelay(Object.fromEntries(labels.map(({ key, value }) => [key, value]))),
  );
}

/** Ends the command where nobody is called so, or carries the label, and says what was probably meant. */
export function refuseUnknownSubject(members: readonly Cluster[], subject: Subject): void {
  const known =
    'cluster' in subject
      ? members.map(({ name }) => name)
      : members.flatMap(({ labels }) => labels.map(({ key, value }) => `${key}=${value}`));
  const text = subjectText(subject);
  if (known.includes(text)) return;
  const what = 'cluster' in subject ? `no member is called ${text}` : `no member carries the label ${text}`;
  exitWith({ code: 'NAME_UNKNOWN', message: `${what}${didYouMean(text, known)}; --force does it all the same` });
}

/** Says so where all whom it is about were revoked: a name and what hangs on it outlive that, and count for who comes back. */
export function warnOfRevoked(members: readonly Cluster[], subject: Subject | Readonly<{ cluster: string }>): void {
  const meant = members.filter(({ name, labels }) =>
    'cluster' in subject
      ? name === subject.cluster
      : labels.some(({ key, value }) => key === subject.label.key && value === subject.label.value),
  );
  if (meant.length === 0 || meant.some(({ status }) => status !== ClusterStatus.CLUSTER_STATUS_REVOKED)) return;
  const who =
    'cluster' in subject
      ? `${subject.cluster} was`
      : `all members with ${subject.label.key}=${subject.label.value} were`;
  complain(
    `warning: ${who} revoked; this counts only for one that comes back with a new token (\`testudo tokens create\`)`,
  );
}

/** Ends the command where a new key of labels is nearly one that is in use: more often than not it is a slip. */
export function refuseMisspeltKeys(members: readonly Cluster[], keys: readonly string[]): void {
  const known = new Set(members.flatMap(({ labels }) => labels.map(({ key }) => key)));
  for (const key of keys) {
    const meant = known.has(key) ? undefined : nearest(key, known);
    if (meant === undefined) continue;
    exitWith({
      code: 'NAME_UNKNOWN',
      message: `no member has a label ${key} yet; did you mean ${meant}? --force makes a new one`,
    });
  }
}

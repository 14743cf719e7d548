import { ownerWorkload } from '../../kube/pod.ts';
import { type ImageVerdict, imagesOf } from '../../posture/images/pod-images.ts';
import { type Found, podFindings } from '../../posture/pod-findings.ts';
import type { PosturePod, PosturePolicy } from '../../posture/read.ts';
import { type FindingCode, postureRules } from '../../posture/rules.ts';
import { selects } from '../cluster/selector.ts';

/** One thing about one workload's pods. */
export type Finding = Readonly<{
  code: FindingCode;
  namespace: string;
  workload: string;
  /** Of which container, path or capability; empty for the pod as a whole. */
  detail: string;
  /** Pods of the workload that have it. */
  pods: number;
}>;

/**
 * Everything found, the gravest first; of pods that are alike once. Pure: two looks at the same objects say the same.
 * `verdictOn`: whether an image is signed; unless given, nobody was asked to look.
 */
export function findingsOf(
  pods: readonly PosturePod[],
  policies: readonly PosturePolicy[],
  verdictOn?: (digest: string | undefined) => ImageVerdict,
): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const pod of pods) {
    const [namespace, workload] = [pod.metadata.namespace, workloadOf(pod)];
    for (const [code, detail] of [
      ...podFindings(pod.spec),
      ...ofPolicies(pod, policies),
      ...ofImages(pod, verdictOn),
    ]) {
      const key = JSON.stringify([code, namespace, workload, detail]);
      const before = found.get(key)?.pods ?? 0;
      found.set(key, { code, namespace, workload, detail, pods: before + 1 });
    }
  }
  const codes = Object.keys(postureRules);
  return [...found.values()].sort(
    (a, b) =>
      postureRules[b.code].weight - postureRules[a.code].weight ||
      compare(a.namespace, b.namespace) ||
      compare(a.workload, b.workload) ||
      codes.indexOf(a.code) - codes.indexOf(b.code) ||
      compare(a.detail, b.detail),
  );
}

function ofPolicies(pod: PosturePod, policies: readonly PosturePolicy[]): Found[] {
  if (pod.spec.hostNetwork === true) return []; // None would hold it.
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.metadata.namespace && selects(spec.podSelector, pod.metadata.labels),
  );
  const covers = (type: string) => selecting.some(({ spec }) => spec.policyTypes.includes(type));
  return [
    ...(covers('Ingress') ? [] : [['NO_INGRESS_POLICY', ''] as const]),
    ...(covers('Egress') ? [] : [['NO_EGRESS_POLICY', ''] as const]),
  ];
}

function ofImages(pod: PosturePod, verdictOn: ((digest: string | undefined) => ImageVerdict) | undefined): Found[] {
  if (verdictOn === undefined) return [];
  return imagesOf(pod).flatMap(({ container, image, digest }): Found[] => {
    const verdict = verdictOn(digest);
    if (verdict === 'signed') return [];
    return [[verdict === 'unsigned' ? 'IMAGE_UNSIGNED' : 'IMAGE_UNKNOWN', `${container}: ${image}`]];
  });
}

function workloadOf({ metadata }: PosturePod): string {
  const owner = metadata.ownerReferences.find(({ controller }) => controller);
  return owner === undefined ? metadata.name : ownerWorkload(owner, metadata.labels['pod-template-hash']);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

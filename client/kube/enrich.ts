import type { ProcessIdentity, SourceItem } from '../events/source-item.ts';
import { workloadClassOf } from '../sources/workload-class.ts';
import type { Found } from './pod-directory.ts';

type Find = (containerId: string) => Found | undefined;

/** An event with what the API server knows of its container, where the sensor did not say it; otherwise the same event. */
export function enriched(item: SourceItem, find: Find): SourceItem {
  if (item.kind === 'call') {
    const process = enrichedProcess(item.process, find);
    return process === item.process ? item : { ...item, process };
  }
  if (item.kind === 'label' && item.label.pod === '') {
    const found = find(item.label.container);
    if (found === undefined) return item;
    return { ...item, label: { ...item.label, namespace: found.pod.namespace, pod: found.pod.name } };
  }
  return item;
}

/** What the sensor said stays: it was there. */
function enrichedProcess(process: ProcessIdentity, find: Find): ProcessIdentity {
  const { containerId, namespace, workload, pod, container, binary, node } = process;
  if (containerId === undefined || (pod !== '' && namespace !== '' && workload !== '')) return process;
  const found = find(containerId);
  if (found === undefined) return process;
  const known = found.pod;
  const owner = workload || known.workload;
  return {
    ...process,
    node: node || known.node,
    namespace: namespace || known.namespace,
    pod: pod || known.name,
    workload: owner,
    container: container || found.container.name,
    workloadClass: workloadClassOf({ labels: known.labels, image: found.container.image, workload: owner, binary }),
  };
}

/** What is known about a workload that may name its kind. */
export type WorkloadHints = Readonly<{
  labels: Pick<ReadonlyMap<string, string>, 'get'>;
  image: string;
  workload: string;
  binary: string;
}>;

/** Labels that name the kind of a workload, the most deliberate first. */
const classLabels = ['testudo.io/workload-class', 'app.kubernetes.io/name', 'app', 'k8s-app'];

const nameMax = 1_024;

/**
 * The kind of workload, such as "nginx": the same word in every cluster that runs it. Names that carry hashes and replica
 * numbers say less than labels and images do, and come last.
 */
export function workloadClassOf({ labels, image, workload, binary }: WorkloadHints): string {
  const label = classLabels.map((name) => labels.get(name)).find((value) => value !== undefined && value !== '');
  const candidate = label ?? (imageName(image) || workload || binary.slice(binary.lastIndexOf('/') + 1));
  // The alphabet that a model's spec can hold. Whoever writes the log may give a name of a mebibyte.
  return (
    candidate
      .slice(0, nameMax)
      .replace(/[,\s]+/g, '-')
      .slice(0, 64) || 'unknown'
  );
}

/** "registry:5000/library/nginx:1.27@sha256:..." is "nginx". */
function imageName(image: string): string {
  const path = image.split('@')[0] ?? '';
  const last = path.slice(path.lastIndexOf('/') + 1);
  return last.split(':')[0] ?? '';
}

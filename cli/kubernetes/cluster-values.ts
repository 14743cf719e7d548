import { shellWord } from '../../base/text/shell-word.ts';
import { addressesIn, oneOrMore } from '../../client/link/address.ts';

/** What the chart has to know of one cluster. */
export type ClusterInstall = Readonly<{
  /** host:port of the federation's and of the enrolment port; of several coordinators with commas between. */
  address: string;
  enrolAddress: string;
  /** Root metadata, as text. */
  trustAnchor: string;
  /** Tracks of the federation that a client has built in. */
  tracks: readonly string[];
}>;

/** values.yaml of a cluster: its client, and a sensor on every node. Nothing in it is secret. */
export function clusterValues({ address, enrolAddress, trustAnchor, tracks }: ClusterInstall) {
  return {
    client: {
      enabled: true,
      coordinator: { addresses: addressesIn(address), enrolAddress: oneOrMore(enrolAddress) },
      trustAnchor,
      hub: { enabled: true },
      config: { tracks },
    },
    sensors: { enabled: true, config: { tracks } },
  };
}

/** The namespace of a cluster's client and sensors: a sensor reads its node through a hostPath, which no other level admits. */
export const sensorLabels = { 'pod-security.kubernetes.io/enforce': 'privileged' } as const;

export type InstallPlan = Readonly<{ chart: string; place: string; folder: string; secrets: boolean }>;

/** Lines that install it, in the order in which they are typed. */
export function installLines({ chart, place, folder, secrets }: InstallPlan): string[] {
  return [
    ...(secrets ? [`kubectl apply -f ${shellWord(`${folder}/secrets.yaml`)}`] : []),
    `helm install testudo ${shellWord(chart)} --namespace ${place} --values ${shellWord(`${folder}/values.yaml`)}`,
  ];
}

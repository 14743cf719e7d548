import type { Command } from '@commander-js/extra-typings';
import type { DrillSettings } from './drills.ts';

/** What drills take, the same for all verbs. */
export function withSettings<Arguments extends unknown[]>(command: Command<Arguments>) {
  return command
    .option('-n, --namespace <name>', 'where pods are made; kill-agent: where the agent runs')
    .option('--image <image>', 'quarantine-probe, rotate-canary: an image with a shell and nc', 'busybox:1.37')
    .option('--kubectl <program>', 'kubectl, with the configuration that it finds', 'kubectl')
    .option('--lease <name>', 'kill-agent: the lease that agents hold', 'testudo-agent')
    .option(
      '--policy <file>',
      'alert-flood: the policy, as `response policy example` prints one; that one unless given',
    )
    .option('--pods <count>', 'alert-flood: pods of the cluster', '300')
    .option(
      '--flows <file>',
      'lateral-movement: recorded flows of a cluster of yours, instead of those that come along',
    )
    .option('--model <folder>', 'lateral-movement: a model of the flow track, instead of an untrained one');
}

type Given = Readonly<
  Pick<DrillSettings, 'image' | 'kubectl' | 'lease' | 'pods'> &
    Partial<Record<'namespace' | 'policy' | 'flows' | 'model', string | undefined>>
>;

/** What was not said is undefined; what runs in a rehearsal is the command that was typed. */
export function completed(given: Given): DrillSettings {
  const unsaid = { namespace: undefined, policy: undefined, flows: undefined, model: undefined };
  return { ...unsaid, ...given, testudo: process.argv[1] ?? '' };
}

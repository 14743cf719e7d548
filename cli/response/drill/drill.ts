import { Command } from '@commander-js/extra-typings';
import { jsonLine, listing } from '../../../base/text/table.ts';
import { firstResponsePolicy, readResponsePolicy } from '../../../proto/response-policy.ts';
import { exitCodes, exitWith, orExit, usage } from '../../exit.ts';
import { readText } from '../../operator/root-files.ts';
import { print } from '../../print.ts';
import { alertFlood, runAlertFlood } from './alert-flood.ts';
import { OperatorsKubectl } from './kubectl.ts';
import { quarantineProbe, runQuarantineProbe } from './quarantine-probe.ts';
import { type Check, type Drill, reportText } from './report.ts';

const drills: readonly Drill[] = [quarantineProbe, alertFlood];

/** `testudo drill`: tries what is relied on, and says what should happen and what happened. */
export function drillCommand() {
  return new Command('drill')
    .description('Drills: each says what it will do, what should happen and what happened, and undoes itself.')
    .addCommand(list())
    .addCommand(run());
}

function list() {
  return new Command('list')
    .description('every drill: what it does, what it needs, what it leaves behind')
    .action(() => {
      print(drills.map(({ name, ...rest }) => `${name}\n${listing(rest)}`).join('\n\n'));
    });
}

function run() {
  return new Command('run')
    .description('run one')
    .argument('<drill>', drills.map(({ name }) => name).join(' or '))
    .option('-n, --namespace <name>', 'quarantine-probe: where it makes its pods')
    .option('--image <image>', 'quarantine-probe: an image with a shell and nc', 'busybox:1.37')
    .option('--kubectl <program>', 'quarantine-probe: kubectl, with the configuration that it finds', 'kubectl')
    .option(
      '--policy <file>',
      'alert-flood: the policy, as `response policy example` prints one; that one unless given',
    )
    .option('--pods <count>', 'alert-flood: pods of the cluster', '300')
    .option('--json', 'one JSON value a line')
    .action(async (name, options) => {
      const drill = drills.find((one) => one.name === name);
      if (drill === undefined) return usage(`no drill ${name}; there are ${drills.map((one) => one.name).join(', ')}`);
      if (options.json !== true) print(`${drill.name} ${drill.does}; it ${drill.undoes}\n`);
      const checks = drill === alertFlood ? flood(options) : await probe(options);
      if (options.json === true) for (const check of checks) print(jsonLine(check));
      else print(reportText(checks));
      if (checks.some(({ verdict }) => verdict === 'NOT as expected')) process.exitCode = exitCodes.refused;
      return undefined;
    });
}

async function probe({
  namespace,
  kubectl,
  image,
}: Readonly<{ namespace?: string | undefined; kubectl: string; image: string }>): Promise<readonly Check[]> {
  if (namespace === undefined) return usage('quarantine-probe: name a namespace with --namespace');
  try {
    return await runQuarantineProbe(new OperatorsKubectl(kubectl, namespace), namespace, image);
  } catch (error) {
    return exitWith({ code: 'DRILL_FAILED', message: `${(error as Error).message}; what it made was deleted` });
  }
}

function flood({ policy, pods }: Readonly<{ policy?: string | undefined; pods: string }>): readonly Check[] {
  const count = Number(pods);
  if (!(Number.isInteger(count) && count >= 1 && count <= 5_000)) return usage('--pods: expected 1 to 5000');
  const now = Date.now();
  const first = firstResponsePolicy(now);
  if (policy === undefined) return runAlertFlood(first, count, now);
  const text = readText(policy);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return exitWith({ code: 'FILE_REFUSED', message: `${policy} is no JSON` });
  }
  return runAlertFlood(
    orExit(readResponsePolicy({ expiresAtMs: first.expiresAtMs, ...(value as object) })),
    count,
    now,
  );
}

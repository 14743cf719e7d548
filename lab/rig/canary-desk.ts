import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../base/atomic-file.ts';
import type { Alert } from '../../client/scoring/alert.ts';
import { leaveFeedback } from '../../client/scoring/feedback.ts';
import type { FederationPlan } from './plan.ts';

/** What a person at a canary's own cluster sees and says there. */
export type CanaryDesk = Readonly<{
  /** Every alert that was raised, oldest first. */
  alerts(): Promise<readonly Alert[]>;
  /** Traces, or pieces of long ones, that were scored since the client began. */
  scored(): Promise<number>;
  /** What `testudo agent status` says of the live model's calibration. */
  remarks(): Promise<readonly string[]>;
  /** Confirms alerts and says what the attack is called, as `testudo feedback` does. */
  confirm(alerts: readonly string[], family: string): Promise<void>;
}>;

export function canaryDesk({ folder }: Pick<FederationPlan, 'folder'>, cluster: string, track: string): CanaryDesk {
  const data = join(folder, cluster, 'data');
  const page = async (name: string) => {
    const port = await healthPort(join(folder, `${cluster}.log`));
    return await (await fetch(`http://127.0.0.1:${port}${name}`)).text();
  };
  return {
    async alerts() {
      return (await linesOf(join(data, 'alerts.jsonl'))).map((line) => JSON.parse(line) as Alert);
    },
    async scored() {
      const line = (await page('/metrics'))
        .split('\n')
        .find((one) => one.startsWith(`${scoresName}{track="${track}"}`));
      return Number(line?.split(' ').at(-1) ?? 0);
    },
    async remarks() {
      const view = JSON.parse(await page('/score')) as { tracks?: Record<string, { remarks?: readonly string[] }> };
      return view.tracks?.[track]?.remarks ?? [];
    },
    async confirm(alerts, family) {
      for (const alert of alerts) {
        const left = await leaveFeedback(data, alert, { verdict: 'confirmed', by: 'main job', family }, Date.now());
        if (!left.ok) throw new Error(left.fault.message);
      }
    },
  };
}

const scoresName = 'testudo_client_scores_total';

async function linesOf(path: string): Promise<string[]> {
  const text = (await readFile(path).catch(undefinedIfMissing))?.toString('utf8') ?? '';
  // The last line may still be on its way.
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean);
}

function undefinedIfMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw error;
}

/** The client says in its log where its health pages are. */
async function healthPort(logFile: string): Promise<number> {
  for (const line of await linesOf(logFile)) {
    const port = /"healthPort":(\d+)/.exec(line)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`${logFile}: the client has not said where its health pages are`);
}

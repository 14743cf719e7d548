import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { backdateMs } from '../../base/certificates/backdate.ts';
import { ok, type Result } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { clockSentence } from '../../base/text/clock-sentence.ts';
import { decimalOf } from '../../base/text/number.ts';
import { jsonLine } from '../../base/text/table.ts';
import { type GetStatusResponse, Severity } from '../../proto/generated/testudo/v1/operator_status.ts';
import { exitCodes, exitWith, isUnreachable, orExit, usage } from '../exit.ts';
import { type OperatorConnection, type OperatorOptions, withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { clearScreen, complain, print } from '../print.ts';
import { statusJson } from './status-json.ts';
import { statusShape } from './status-shape.ts';
import { statusText } from './status-text.ts';

const pageSize = 500;
const watchSecondsDefault = 2;

/** `testudo status`: one look at everything. */
export function statusCommand() {
  return operatorCommand('status', 'how everything stands: coordinator, tracks, clusters, and what wants attention')
    .option('--watch [seconds]', `look again and again, until interrupted (every ${watchSecondsDefault} s)`)
    .option('--strict', 'a warning, too, ends with 4')
    .option('--schema', 'print the JSON Schema of what --json prints, and look at nothing')
    .addHelpText('after', '\nEnds with 0 when nothing critical wants attention, with 4 when something does.')
    .action(async (options) => {
      if (options.schema) return print(JSON.stringify(z.toJSONSchema(statusShape), null, 2));
      const show = (status: GetStatusResponse) =>
        print(options.json ? jsonLine(statusJson(status)) : statusText(status));
      if (options.watch !== undefined) return watch(options, secondsOf(options.watch), show);
      await withConnection(options, async (connection) => {
        const status = orExit(await lookOnce(connection));
        show(status);
        const aheadMs = systemTimers.now() - Number(status.coordinator?.atMs ?? systemTimers.now());
        if (Math.abs(aheadMs) > backdateMs)
          complain(`warning: ${clockSentence(aheadMs)}; times such as --until 36h count from this one`);
        if (wantsAttention(status, options.strict === true)) process.exitCode = exitCodes.attention;
      });
    });
}

function secondsOf(given: string | true): number {
  const seconds = given === true ? watchSecondsDefault : decimalOf(given);
  return seconds >= 0.1 && seconds <= 86_400 ? seconds : usage(`--watch: 0.1 to 86400 seconds, got ${given}`);
}

/** Until interrupted: where nobody answers it says so once, and looks on, also at whoever leads after that. */
async function watch(
  options: OperatorOptions,
  seconds: number,
  show: (status: GetStatusResponse) => void,
): Promise<never> {
  let isAway = false;
  for (;;) {
    await withConnection(options, async (connection) => {
      for (;;) {
        const look = await lookOnce(connection);
        if (look.ok) {
          // From the top of an empty screen where there is one; lines after lines where they go into a file.
          if (process.stdout.isTTY && !options.json) clearScreen();
          show(look.value);
        } else if (!isUnreachable(look.fault)) exitWith(look.fault);
        else if (!isAway) complain(`${look.fault.code}: ${look.fault.message}; looking on`);
        isAway = !look.ok;
        await setTimeout(seconds * 1000);
        if (isAway) return;
      }
    });
  }
}

/** Every page; what is not of clusters is the last page's. */
async function lookOnce(connection: OperatorConnection): Promise<Result<GetStatusResponse>> {
  const { client } = connection;
  const clusters: GetStatusResponse['clusters'] = [];
  for (let token = ''; ; ) {
    const look = await connection.tried(client.getStatus, { page: { size: pageSize, token } });
    if (!look.ok) return look;
    const { nextPage } = look.value;
    clusters.push(...look.value.clusters);
    if (nextPage === '') return ok({ ...look.value, clusters });
    token = nextPage;
  }
}

function wantsAttention({ attention }: GetStatusResponse, strict: boolean): boolean {
  const least = strict ? Severity.SEVERITY_WARNING : Severity.SEVERITY_CRITICAL;
  return attention.some(({ severity }) => severity >= least);
}

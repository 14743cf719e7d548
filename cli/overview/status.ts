import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { jsonLine } from '../../base/text/table.ts';
import { type GetStatusResponse, Severity } from '../../proto/generated/testudo/v1/operator_status.ts';
import { exitCodes, usage } from '../exit.ts';
import { type OperatorConnection, withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { clearScreen, print } from '../print.ts';
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
      await withConnection(options, async (connection) => {
        if (options.watch === undefined) {
          const status = await lookOnce(connection);
          print(options.json ? jsonLine(statusJson(status)) : statusText(status));
          if (wantsAttention(status, options.strict === true)) process.exitCode = exitCodes.attention;
          return;
        }
        const seconds = options.watch === true ? watchSecondsDefault : Number(options.watch);
        if (!(seconds >= 0.1 && seconds <= 86_400)) return usage(`--watch: 0.1 to 86400 seconds, got ${options.watch}`);
        for (;;) {
          const status = await lookOnce(connection);
          // From the top of an empty screen where there is one; lines after lines where they go into a file.
          if (process.stdout.isTTY && !options.json) clearScreen();
          print(options.json ? jsonLine(statusJson(status)) : statusText(status));
          await setTimeout(seconds * 1000);
        }
      });
    });
}

/** Every page; what is not of clusters is the last page's. */
async function lookOnce(connection: OperatorConnection): Promise<GetStatusResponse> {
  const { client } = connection;
  const clusters: GetStatusResponse['clusters'] = [];
  for (let token = ''; ; ) {
    const answer = await connection.call(client.getStatus, { page: { size: pageSize, token } });
    clusters.push(...answer.clusters);
    if (answer.nextPage === '') return { ...answer, clusters };
    token = answer.nextPage;
  }
}

function wantsAttention({ attention }: GetStatusResponse, strict: boolean): boolean {
  const least = strict ? Severity.SEVERITY_WARNING : Severity.SEVERITY_CRITICAL;
  return attention.some(({ severity }) => severity >= least);
}

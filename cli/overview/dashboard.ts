import { jsonLine } from '../../base/text/table.ts';
import { withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { complain, print } from '../print.ts';

/** `testudo dashboard`: a link into the dashboard for who asks, by their certificate. */
export function dashboardCommand() {
  return operatorCommand('dashboard', 'print a link that opens one session at the dashboard, once, within two minutes')
    .addHelpText('after', '\nThe link is as good as your certificate until it is used: give it to nobody.')
    .action(async (options) => {
      await withConnection(options, async (connection) => {
        const { url, expiresAtMs } = await connection.call(connection.client.getDashboardLink, {});
        const expiresAt = new Date(Number(expiresAtMs)).toISOString();
        if (options.json) return print(jsonLine({ url, expiresAt }));
        print(url);
        complain(`opens one session, once, until ${expiresAt}`);
      });
    });
}

import { Command } from '@commander-js/extra-typings';
import { type DeadLetter, Outbox } from '../../base/delivery/outbox.ts';
import type { Deliverable } from '../../base/delivery/outgoing.ts';
import { decimalOf } from '../../base/text/number.ts';
import { jsonLine, table } from '../../base/text/table.ts';
import { familyOf } from '../../client/alerts/family.ts';
import { newestAlerts } from '../../client/alerts/read-alerts.ts';
import { type Alert, isAlertId } from '../../client/scoring/alert.ts';
import { exitWith, orExit, usage } from '../exit.ts';
import { print } from '../print.ts';
import { storedAlert } from './explained-alert.ts';
import { alertPlaces, dataCommand, outboxCommand, outboxDirectory } from './places.ts';
import { AlertWatch } from './watch.ts';

const rowsMax = 100_000;

/** `testudo alerts`: what this machine's client raised, and what of it, or of a coordinator's notifications, nobody took. */
export function alertsCommand() {
  return new Command('alerts')
    .description("a client's alerts, on its own machine: list, show, watch; what no sink took: undelivered, retry")
    .addCommand(list())
    .addCommand(show())
    .addCommand(watch())
    .addCommand(undelivered())
    .addCommand(retry());
}

function list() {
  return dataCommand('list')
    .description('alerts, newest first')
    .option('--track <track>', 'of this track alone')
    .option('--workload <name>', 'of this workload alone')
    .option('--rows <count>', 'how many', '20')
    .option('--json', 'one alert a line, as in the alert file')
    .action(async ({ track, workload, rows: text, json, ...where }) => {
      const rows = decimalOf(text);
      if (!Number.isInteger(rows) || rows < 1 || rows > rowsMax) usage(`--rows: 1 to ${rowsMax}, got ${text}`);
      const found: Alert[] = [];
      for await (const alert of newestAlerts(alertPlaces(where).alertFile)) {
        if (track !== undefined && alert.track !== track) continue;
        if (workload !== undefined && alert.subject.workload !== workload) continue;
        found.push(alert);
        if (found.length === rows) break;
      }
      if (json) for (const alert of found) print(jsonLine(alert));
      else print(found.length === 0 ? 'no alerts' : alertTable(found));
    });
}

function alertTable(alerts: readonly Alert[]): string {
  return table<Alert>(alerts, [
    { title: 'ALERT', text: ({ id }) => id },
    { title: 'AT', text: ({ at }) => at.replace(/\.\d+Z$/, 'Z') },
    { title: 'TRACK', text: ({ track }) => track },
    { title: 'WORKLOAD', text: ({ subject: { namespace, workload, pod } }) => `${namespace}/${workload || pod}` },
    { title: 'FAMILY', text: familyOf },
    { title: 'SCORE', text: ({ score }) => figure(score), align: 'right' },
    { title: 'THRESHOLD', text: ({ threshold }) => figure(threshold), align: 'right' },
    { title: 'MODEL', text: ({ modelVersion }) => String(modelVersion), align: 'right' },
  ]);
}

function figure(value: number): string {
  return Number.isFinite(value) ? value.toPrecision(4) : '-';
}

function show() {
  return dataCommand('show')
    .description('one alert: what it says, and all that its track knows about it')
    .argument('<alert>', "the alert's id, such as a-0123456789abcdef")
    .option('--json', 'as in the alert file')
    .action(async (id, { json, ...where }) => {
      if (!isAlertId(id)) usage(`expected an alert's id, such as a-0123456789abcdef; got ${id}`);
      const alert = await storedAlert(alertPlaces(where).alertFile, id);
      print(json ? jsonLine(alert) : `${alert.id}  ${alert.at}\n${alert.text}\n\n${JSON.stringify(alert, null, 2)}`);
    });
}

function watch() {
  return dataCommand('watch')
    .description('alerts as they are raised, until interrupted')
    .option('--json', 'one alert a line, as in the alert file')
    .action(async ({ json, ...where }) => {
      const watch = await AlertWatch.open(alertPlaces(where).alertFile);
      await watch.run((alert) =>
        print(json ? jsonLine(alert) : `${alert.id}  ${alert.at}  ${alert.track}  ${alert.text}`),
      );
    });
}

function undelivered() {
  return outboxCommand('undelivered')
    .description('what a sink refused, or did not take for too long, newest first')
    .option('--json', 'one a line')
    .action(({ json, ...where }) => {
      const outbox = orExit(Outbox.open<Deliverable>(outboxDirectory(where)));
      const dead = outbox.dead();
      outbox.close();
      if (json) {
        for (const { item: alert, ...letter } of dead) print(jsonLine({ ...letter, alert }));
        return;
      }
      if (dead.length === 0) return print('every alert was taken, or waits for its sink');
      print(
        table<DeadLetter<Deliverable>>(dead, [
          { title: 'ALERT', text: ({ item }) => item.id },
          { title: 'SINK', text: ({ sink }) => sink },
          { title: 'RAISED', text: ({ item }) => item.at.replace(/\.\d+Z$/, 'Z') },
          { title: 'ATTEMPTS', text: ({ attempts }) => String(attempts + 1), align: 'right' },
          { title: 'WHY', text: ({ why }) => why },
        ]),
      );
    });
}

function retry() {
  return outboxCommand('retry')
    .description(
      'queue what was not delivered anew: one alert, or all; the running client, or coordinator, sends it within seconds',
    )
    .argument('[alert]')
    .option('--json', 'as JSON')
    .action((id, { json, ...where }) => {
      if (id !== undefined && !isAlertId(id)) usage(`expected an alert's id, such as a-0123456789abcdef; got ${id}`);
      const outbox = orExit(Outbox.open<Deliverable>(outboxDirectory(where)));
      const count = outbox.retry(id, Date.now());
      outbox.close();
      if (id !== undefined && count === 0) {
        exitWith({
          code: 'ALERT_NOT_FOUND',
          message: `${id} is not among what was not delivered; \`testudo alerts undelivered\``,
        });
      }
      print(json ? jsonLine({ queued: count }) : `${count} queued anew`);
    });
}

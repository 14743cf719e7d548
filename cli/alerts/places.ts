import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { readConfigFile } from '../../coordinator/config/config.ts';
import { alertsPlace } from '../../coordinator/notifications/leader-folder.ts';
import { orExit, usage } from '../exit.ts';
import { localClient } from '../local-client.ts';

export type Places = Readonly<{ dataDirectory: string; alertFile: string }>;

/** A verb that finds the client of this machine by its configuration, or by its data alone. */
export function dataCommand(name: string) {
  return new Command(name)
    .option('-c, --config <file>', "the client's configuration")
    .option('-d, --data <folder>', "the client's data directory, instead of its configuration");
}

/** The same for what a coordinator has too: what no sink took. */
export function outboxCommand(name: string) {
  return dataCommand(name).option('--coordinator <file>', "a coordinator's configuration, instead of a client's");
}

/** Where the outbox lies that `undelivered` and `retry` are about. */
export function outboxDirectory({
  coordinator,
  ...client
}: Readonly<{ coordinator?: string | undefined; config?: string | undefined; data?: string | undefined }>): string {
  if (coordinator === undefined) return alertPlaces(client).dataDirectory;
  if (client.config !== undefined || client.data !== undefined) usage('--coordinator goes without --config and --data');
  return alertsPlace(orExit(readConfigFile(coordinator, { environment: process.env })).dataDirectory);
}

export function alertPlaces({
  config: path,
  data,
}: Readonly<{ config?: string | undefined; data?: string | undefined }>): Places {
  if (data !== undefined) return { dataDirectory: data, alertFile: join(data, 'alerts.jsonl') };
  const { dataDirectory, scoring } = localClient(path, ', or its data with --data FOLDER');
  return { dataDirectory, alertFile: scoring.alertFile ?? join(dataDirectory, 'alerts.jsonl') };
}

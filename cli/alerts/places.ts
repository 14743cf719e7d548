import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { readClientConfig } from '../../client/config.ts';
import { orExit } from '../exit.ts';

export type Places = Readonly<{ dataDirectory: string; alertFile: string }>;

/** A verb that finds the client of this machine by its configuration, or by its data alone. */
export function dataCommand(name: string) {
  return new Command(name)
    .option('-c, --config <file>', "the client's configuration")
    .option('-d, --data <folder>', "the client's data directory, instead of its configuration");
}

export function alertPlaces({
  config: path,
  data,
}: Readonly<{ config?: string | undefined; data?: string | undefined }>): Places {
  if (data !== undefined) return { dataDirectory: data, alertFile: join(data, 'alerts.jsonl') };
  const { dataDirectory, scoring } = orExit(readClientConfig(path, { environment: process.env }));
  return { dataDirectory, alertFile: scoring.alertFile ?? join(dataDirectory, 'alerts.jsonl') };
}

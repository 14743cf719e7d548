import { readFile } from 'node:fs/promises';
import type { SinkConfig } from './alerts/alerts-config.ts';
import { secretBytesMin } from './alerts/sinks/open-sink.ts';
import type { ClientConfig } from './config.ts';
import { sharedTokenProblems } from './hub/admit.ts';

/**
 * What is wrong with the files that a sound configuration names and that are read later, anew each time: those of sinks, and
 * the token that a hub shares with its sensors. Each problem names its setting. A start goes on in spite of what ails a sink.
 */
export async function namedFileProblems({ alerts, hub }: ClientConfig): Promise<readonly string[]> {
  const sinks = await Promise.all(alerts.sinks.map(sinkProblem));
  const tokens = hub === null ? [] : await sharedTokenProblems(hub.admission);
  return [
    ...sinks.flatMap((problem, at) => (problem === undefined ? [] : [`alerts.sinks.${at}: ${problem}`])),
    ...tokens.map((problem) => `hub.admission: ${problem}`),
  ];
}

async function sinkProblem(sink: SinkConfig): Promise<string | undefined> {
  switch (sink.kind) {
    case 'webhook':
      return await fileProblem(sink.secretFile, secretBytesMin);
    case 'alertmanager':
    case 'otlp':
      return await fileProblem(sink.bearerFile, 1);
    case 'syslog':
      return await fileProblem(sink.caFile, 1);
    case 'ocsf':
      return undefined; // Written, and made when the first finding comes.
  }
}

async function fileProblem(path: string | undefined, bytesMin: number): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    const bytes = Buffer.byteLength((await readFile(path, 'utf8')).trim());
    return bytes < bytesMin ? `${path} holds ${bytes} bytes; at least ${bytesMin} are needed` : undefined;
  } catch (error) {
    return `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
}

import { readFile } from 'node:fs/promises';
import type { DeliveryConfig, SinkConfig } from './delivery-config.ts';
import { secretBytesMin } from './sinks/open-sink.ts';

/** What is wrong with the files that sinks read anew each time; each problem names its setting. */
export async function sinkFileProblems({ sinks }: DeliveryConfig): Promise<readonly string[]> {
  const problems = await Promise.all(sinks.map(sinkProblem));
  return problems.flatMap((problem, at) => (problem === undefined ? [] : [`alerts.sinks.${at}: ${problem}`]));
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

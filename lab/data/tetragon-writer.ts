import { appendFile } from 'node:fs/promises';
import type { Trace } from '../../client/events/trace.ts';
import { nameOfCallId } from '../../client/events/vocabulary.ts';

/**
 * Appends traces to a file as Tetragon exports them: one event a call, then the process's exit. It is how a cluster of the
 * main job sees recorded traces as if they happened now. `first` numbers the processes: every trace has one of its own.
 */
export async function appendTetragon(path: string, traces: readonly Trace[], first: number): Promise<void> {
  const now = new Date().toISOString();
  for (const [index, { service, calls }] of traces.entries()) {
    const process = {
      exec_id: `demo-${first + index}`,
      pid: first + index,
      binary: `/usr/bin/${service}`,
      pod: { namespace: 'demo', name: `${service}-0`, workload: service, pod_labels: { app: service } },
    };
    const lines = Array.from(calls, (id) =>
      JSON.stringify({
        process_tracepoint: { process, subsys: 'syscalls', event: `sys_enter_${nameOfCallId(id)}`, args: [] },
        time: now,
      }),
    );
    lines.push(JSON.stringify({ process_exit: { process }, time: now }));
    await appendFile(path, `${lines.join('\n')}\n`);
  }
}

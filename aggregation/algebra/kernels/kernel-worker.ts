import { serveThread } from '../../../base/thread-link.ts';
import type { TaskStart } from './kernel-task.ts';
import { loadKernels } from './kernels.ts';
import { type PreparedTask, prepareTask } from './prepared-task.ts';
import { openSharedRows, type SharedRows } from './shared-rows.ts';

/** What a kernel worker is asked. */
export type KernelRequest =
  | Readonly<{ kind: 'start'; start: TaskStart }>
  | Readonly<{ kind: 'block'; slot: number; offset: number; columns: number }>
  | Readonly<{ kind: 'finish' }>;

const kernels = loadKernels();
let prepared: PreparedTask | undefined;
let rows: SharedRows | undefined;

function answer(request: KernelRequest): unknown {
  switch (request.kind) {
    case 'start':
      prepared = prepareTask(kernels, request.start);
      rows = request.start.shared && openSharedRows(request.start.shared);
      return { buffer: kernels.buffer(), slots: prepared.slots };
    case 'block': {
      if (prepared === undefined) throw new Error('a block before its task');
      const slot = prepared.slots[request.slot];
      if (rows !== undefined && slot !== undefined)
        rows.read(request.offset, request.columns, kernels.buffer(), slot.input);
      prepared.run(request.slot, request.columns, request.offset);
      return undefined;
    }
    case 'finish':
      rows?.close();
      rows = undefined;
      prepared = undefined;
      return undefined;
  }
}

serveThread(answer);

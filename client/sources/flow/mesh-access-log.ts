import type { FlowBatch } from '../../events/source-item.ts';
import { EndsOfCalls, type MeshLogOptions } from '../../recordings/access-logs/ends-of-call.ts';
import { itemOfAccessLine } from '../../recordings/access-logs/flow-of-line.ts';
import type { FilePosition, FollowOptions } from '../../recordings/file-follower.ts';
import { itemsOfLines } from '../../recordings/line-items.ts';

/** The access log of a mesh's proxy or of an API's gateway, through rotation: one call per line. */
export async function* meshAccessLog(
  path: string,
  { follow, mesh }: Readonly<{ follow: FollowOptions; mesh: MeshLogOptions }>,
): AsyncGenerator<FlowBatch<FilePosition>> {
  const ends = new EndsOfCalls(mesh);
  yield* itemsOfLines(path, follow, (text, where) => itemOfAccessLine(text, ends, where));
}

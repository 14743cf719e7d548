import type { FollowedLine } from '../followed-line.ts';

/** What comes until there are `count` lines or skips. */
export async function take(stream: AsyncGenerator<FollowedLine>, count: number): Promise<FollowedLine[]> {
  const found: FollowedLine[] = [];
  while (found.length < count) {
    const { value, done } = await stream.next();
    if (done) break;
    if (value.kind !== 'idle') found.push(value);
  }
  return found;
}

/** Everything up to the third time that nothing new is there. */
export async function rest(stream: AsyncGenerator<FollowedLine>): Promise<FollowedLine[]> {
  const found: FollowedLine[] = [];
  for (let idle = 0; idle < 3; ) {
    const { value, done } = await stream.next();
    if (done) break;
    if (value.kind === 'idle') idle += 1;
    else {
      idle = 0;
      found.push(value);
    }
  }
  return found;
}

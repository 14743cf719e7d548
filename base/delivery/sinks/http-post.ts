import { type Attempt, whyOf } from './sink.ts';

const answerBytesMax = 64 << 10;
const retryAfterMsMax = 3_600_000;

/** One POST. `accepted` may still find a refusal in the body of a good answer. Redirects are not followed: they lead elsewhere. */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
  accepted: (answer: string) => Attempt = () => ({ kind: 'delivered' }),
): Promise<Attempt> {
  try {
    const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    const text = await beginningOf(answer);
    if (answer.ok) return accepted(text);
    const why = `HTTP ${answer.status}`;
    if (answer.status >= 500 || answer.status === 408 || answer.status === 429) {
      return { kind: 'later', why, ...retryAfter(answer.headers.get('retry-after')) };
    }
    return { kind: 'refused', why };
  } catch (error) {
    return { kind: 'later', why: whyOf(error) };
  }
}

/** As much of the body as anything of ours reads; the rest is not taken in. */
async function beginningOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk as Uint8Array);
    length += (chunk as Uint8Array).byteLength;
    if (length > answerBytesMax) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Seconds, as most say it; a date is not read. */
function retryAfter(header: string | null): Readonly<{ afterMs?: number }> {
  const seconds = header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
  return seconds === undefined ? {} : { afterMs: Math.min(retryAfterMsMax, seconds * 1_000) };
}

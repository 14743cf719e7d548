import { canonicalAddress } from '../address.ts';
import { type AccessLogLine, dashless, isoOfCommon, LineFields, numberOf } from './access-log-line.ts';
import { hasSecondRequest, type LogWords } from './log-words.ts';

const headWords = 7;
/** What stands behind `address identity user [time] "request" status bytes`. */
const tails: readonly Readonly<{ shape: RegExp; read(words: readonly string[], fields: LineFields): void }>[] = [
  // NCSA's common and combined; NGINX's own image adds who it was forwarded for.
  { shape: /^(?:qqq?)?$/, read: () => undefined },
  // Traefik: count of requests, router, URL of the server, duration.
  {
    shape: /^qqpqqp$/,
    read: ([, , , , server = '', duration = ''], fields) => {
      fields.upstreamHost = dashless(server);
      fields.durationMs = numberOf(duration.replace(/ms$/, ''));
    },
  },
  // ingress-nginx: lengths and seconds, [upstream] and since 0.24 [alternative], then what was reached, and the request's id.
  {
    shape: /^qqppbb?ppppp$/,
    read: (words, fields) => {
      fields.bytesReceived = numberOf(words[2] ?? '');
      fields.durationMs = 1_000 * numberOf(words[3] ?? '');
      fields.isTimeOfEnd = true;
      fields.upstreamHost = dashless(lastOf(words.at(-5) ?? ''));
      fields.requestId = dashless(words.at(-1) ?? '');
    },
  },
  // Others add numbers of their own.
  { shape: /^qqp{1,8}$/, read: () => undefined },
];

/**
 * NCSA's common log format and those that extend it, Apache's with the virtual host before it. undefined: it is not so.
 * What a format does not quote it does not let callers choose, so nothing quoted can follow a plain word (but Traefik's).
 */
export function readCommonLog(line: LogWords): AccessLogLine | undefined {
  const { words, kinds } = joined(line);
  const at = kinds.indexOf('b');
  if ((at !== 3 && at !== 4) || !/^p{3,4}bqpp/.test(kinds)) return undefined;
  const own = at - 3;
  const [remote = '', , , time = '', request = '', code = '', sent = ''] = words.slice(own);
  // A name of a user may hold blanks: then the address is not where it should be.
  if (own === 1 ? canonicalAddress(lastOf(remote)) === undefined : !/^[\w.:%[\]-]*\w/.test(remote)) return undefined;
  if (!/^\d{3}$/.test(code) || hasSecondRequest({ words, kinds }, own + 4)) return undefined;
  if (sent !== '-' && !/^\d{1,20}$/.test(sent)) return undefined;
  const tail = tails.find(({ shape }) => shape.test(kinds.slice(own + headWords)));
  if (tail === undefined) return undefined;
  const fields = new LineFields();
  fields.setRequest(request);
  fields.time = isoOfCommon(time);
  fields.status = numberOf(code);
  fields.bytesSent = numberOf(sent);
  fields.downstreamRemote = remote;
  tail.read(words.slice(own + headWords), fields);
  return fields;
}

/** NGINX lists the servers it tried: "10.0.0.1:80, 10.0.0.2:80", and " : " where it was redirected within. */
function joined({ words, kinds }: LogWords): LogWords {
  if (!words.some((word) => word.endsWith(',') || word === ':')) return { words, kinds };
  const out: string[] = [];
  let outKinds = '';
  for (const [at, word] of words.entries()) {
    const last = out.at(-1) ?? '';
    const isPlain = kinds[at] === 'p' && outKinds.endsWith('p');
    if (isPlain && (last.endsWith(',') || last.endsWith(':') || word === ':')) out[out.length - 1] = last + word;
    else {
      out.push(word);
      outKinds += kinds[at];
    }
  }
  return { words: out, kinds: outKinds };
}

/** The server that answered is the last one tried. */
function lastOf(list: string): string {
  return list.split(/,/).at(-1) ?? '';
}

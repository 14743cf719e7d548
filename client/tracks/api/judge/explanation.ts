import { onOneLine } from '../../../../base/text/printable.ts';
import type { Explanation } from '../../track-kind.ts';
import { type ApiCall, type ApiExample, fromNowhere, fromOutside } from '../example.ts';
import { type View, views } from '../facts/views.ts';
import { bonds, places } from '../facts/walk-facts.ts';
import type { ApiMemory } from '../memory/api-memory.ts';
import { countedMax } from '../requests/recent-activity.ts';
import type { Surprise } from './surprise.ts';

/** What a chain may turn out to be, as an alert names it. */
export type Finding =
  | 'injection'
  | 'traversal'
  | 'unknown template'
  | 'missing authentication'
  | 'unusual credentials'
  | 'object enumeration'
  | 'credential stuffing'
  | 'token of an unusual holder'
  | 'service reached without its predecessor'
  | 'unknown fields'
  | 'unusual request';

const reasonsMax = 6;
/** What adds less is not worth a sentence. */
const natsMin = 0.5;

type Reason = Readonly<{ view: View; finding: Finding; nats: number; text: string }>;
type Told = Readonly<{ call: ApiCall; template: string; about: string; example: ApiExample; memory: ApiMemory }>;

/** Why a chain scored as it did. parts: what each view added, by id. */
export function explained(
  example: ApiExample,
  templates: readonly string[],
  surprise: Surprise,
  parts: Float64Array,
  memory: ApiMemory,
): Explanation {
  const reasons = [...views.keys()]
    .filter((id) => (parts[id] as number) > natsMin)
    .map((id): Reason => {
      const at = surprise.calls[id] as number;
      const call = example.calls[at] as ApiCall;
      const told = { call, template: templates[at] as string, about: surprise.about[id] as string, example, memory };
      const view = views[id] as View;
      return { view, finding: findingOf(view, told), nats: parts[id] as number, text: sentenceOf(view, told) };
    })
    .sort((a, b) => b.nats - a.nats);
  if (reasons.length === 0) return { detail: { finding: usual, reasons }, text: 'nothing in it is unusual by itself' };
  const finding = strongest(reasons);
  // What speaks for the finding comes first.
  const told = reasons.toSorted((a, b) => Number(b.finding === finding) - Number(a.finding === finding));
  const lines = told.slice(0, reasonsMax).map(({ nats, text }) => `- ${onOneLine(text)} (${nats.toFixed(1)} nats)`);
  return { detail: { finding, reasons: told }, text: [`${finding}:`, ...lines].join('\n') };
}

const usual: Finding = 'unusual request';

/** The finding that most nats speak for. */
function strongest(reasons: readonly Reason[]): Finding {
  const byFinding = [...Map.groupBy(reasons, ({ finding }) => finding)];
  const sums = byFinding.map(([finding, own]) => [finding, own.reduce((sum, { nats }) => sum + nats, 0)] as const);
  return sums.reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

function findingOf(view: View, { call, about, example }: Told): Finding {
  switch (view) {
    case 'value':
      return findingOfValue(valueAt(call, about));
    case 'route':
      return 'unknown template';
    case 'credentials':
      return call.auth === '' || call.auth === 'none' ? 'missing authentication' : 'unusual credentials';
    case 'objects':
    case 'strangers':
    case 'stranger':
      return 'object enumeration';
    case 'failures':
    case 'routeFailures':
    case 'failingSources':
      return call.status === 401 || call.status === 403 ? 'credential stuffing' : usual;
    case 'place':
    case 'arrival':
    case 'switches':
    case 'subjects':
      // A service that names a subject by itself has been reached past those that vouch for it.
      return isFromInside(example) ? 'service reached without its predecessor' : 'token of an unusual holder';
    case 'caller':
    case 'order':
      return 'service reached without its predecessor';
    case 'field':
      return 'unknown fields';
    default:
      return usual;
  }
}

function isFromInside({ calls }: ApiExample): boolean {
  return calls[0]?.parent === fromNowhere;
}

function sentenceOf(view: View, told: Told): string {
  const { call, template, about, example, memory } = told;
  const { around, subject, source } = example;
  const what = `${call.method} ${template} of ${call.server}`;
  const holder = subject === 0 ? 'its source' : 'its subject';
  const bondTo = (object: number) => memory.bondOf(subject || source, object);
  switch (view) {
    case 'route':
      return `${call.server} is hardly ever asked for ${call.method} ${template}`;
    case 'status':
      return `${what} seldom answers ${call.status}`;
    case 'caller':
      return `${what} is seldom called by ${call.caller || 'somebody without a name'}`;
    case 'credentials':
      return `${what} is seldom ${call.status < 400 ? 'served' : 'asked'} with ${credentialsOf(call)}`;
    case 'field':
      return `a body sent to ${what} holds the field ${JSON.stringify(about)}, which others do not send`;
    case 'parameter':
      return `${what} is asked with the parameter ${JSON.stringify(about)}, which others do not use`;
    case 'value': {
      const { name, shape } = valueAt(call, about);
      return `${nameOfValue(name)} of ${what} looks like ${JSON.stringify(shape)}, which values there do not`;
    }
    case 'size':
      return `${what} moved an amount of data that it seldom does`;
    case 'order':
      return orderSentence(call, what);
    case 'transition':
      return `${holder} asked for ${around.previous || 'nothing'} just before ${what}, which is unusual`;
    case 'arrival':
      return `its source named this subject after ${around.arrival || 'nothing that was seen'}, and not as others begin`;
    case 'place':
      return placeSentence(told);
    case 'stranger':
      return `${what} names an object of ${bondText(example, memory)}`;
    case 'rate':
      return `its source sent ${counted(around.rate)} requests within a minute`;
    case 'failures':
      return `its source failed ${counted(around.failures)} times within five minutes`;
    case 'routeFailures':
      return `${what} failed ${counted(around.routeFailures)} times within five minutes, whoever asked`;
    case 'failingSources':
      return `${around.failingSources} sources failed at ${what} within a quarter of an hour`;
    case 'switches':
      return `its subject changed its network ${around.switches} times within half an hour`;
    case 'subjects':
      return `its source named ${around.subjects} subjects within a quarter of an hour`;
    case 'objects': {
      const fresh = around.objects.filter((object) => bondTo(object) !== bonds.own).length;
      return `${holder} asked for ${around.objects.length} objects at ${what} within a quarter of an hour, ${fresh} of them new to it`;
    }
    case 'strangers': {
      const others = around.objects.filter((object) => bondTo(object) >= bonds.ofFew).length;
      return `${others} of the objects that ${holder} asked for lately at ${what} are others'`;
    }
  }
}

/** What is told apart of what was counted: beyond that nobody counted. */
function counted(count: number): string {
  return count < countedMax ? String(count) : `${countedMax} or more`;
}

function credentialsOf({ auth, issuer }: ApiCall): string {
  if (auth === '' || auth === 'none') return 'no authentication';
  return issuer === '' ? auth : `${auth} of issuer ${issuer}`;
}

function placeSentence({ call, example, memory }: Told): string {
  const isNew = memory.placeOf(example.subject, example.network) === places.newSubject;
  if (!isFromInside(example)) {
    return isNew ? 'its subject was never seen before' : 'its subject never came from this network before';
  }
  const how = isNew ? 'never seen before' : 'seen from outside only';
  return `${call.caller} names this subject by itself, which was ${how}`;
}

function orderSentence(call: ApiCall, what: string): string {
  if (call.parent === fromNowhere) return `${call.caller} called ${what} without having been called itself`;
  if (call.parent === fromOutside)
    return `${what} was reached from outside, past the services that usually come before it`;
  return `${call.caller} called ${what} while it served something that does not lead there`;
}

function bondText({ around, subject, source }: ApiExample, memory: ApiMemory): string {
  const found = around.named.map((object) => memory.bondOf(subject || source, object));
  if (found.includes(bonds.ofAnother)) return 'another subject';
  if (found.includes(bonds.ofFew)) return 'a few other subjects';
  if (found.includes(bonds.unknown)) return 'nobody who is known';
  return found.includes(bonds.shared) ? 'many subjects' : 'its own';
}

function nameOfValue(name: string): string {
  if (name === '/') return 'the path';
  return name.startsWith('#')
    ? `segment ${Number(name.slice(1)) + 1} of the path`
    : `the value of ${JSON.stringify(name)}`;
}

type Value = Readonly<{ name: string /** Without the class of its length. */; shape: string }>;

/** about: as `Fact.about` of a value. */
function valueAt({ values }: ApiCall, about: string): Value {
  const [name, shape] = values[Number(about)] ?? ['', ''];
  return { name, shape: shape.slice(1) };
}

function findingOfValue({ name, shape }: Value): Finding {
  if (name !== '/' && !name.startsWith('#')) return 'injection';
  return /\.\.|\/\/|\/\.|\\/.test(shape) ? 'traversal' : 'unknown template';
}

import { onOneLine } from '../../base/text/printable.ts';
import { listing, shortDigest, table } from '../../base/text/table.ts';
import type { AgentView, AntibodyPinView, FaultView } from '../../client/releases/agent-view.ts';
import { remedyOf } from './refusal-remedy.ts';

/** `/score` of a client or a sensor for people: what scores and why, and of each refusal its cause and what to do. */
export function agentStatusText(view: AgentView): string {
  const head = listing({
    connected: view.connected ? 'yes' : 'no',
    root: view.rootVersion === null ? 'none yet' : String(view.rootVersion),
    pins: String(view.pinsVersion),
    'metadata until': `${view.metadataExpiresAt ?? ''}${view.metadataExpired ? ' EXPIRED' : ''}`,
    'reports waiting': String(view.reportsWaiting),
    'last fault': faultText(view.lastFault),
  });
  const tracks = table(Object.entries(view.tracks), [
    { title: 'track', text: ([name]) => name },
    { title: 'live', text: ([, { live }]) => String(live?.version ?? 'none'), align: 'right' },
    { title: 'because', text: ([, track]) => becauseText(track) },
    { title: 'shadow', text: ([, { shadow }]) => String(shadow?.version ?? ''), align: 'right' },
    { title: 'floor', text: ([, { floor }]) => String(floor), align: 'right' },
    { title: 'at hand', text: ([, { earlier }]) => earlier.join(' ') },
    { title: 'last fault', text: ([, { lastFault }]) => faultText(lastFault) },
  ]);
  const held = Object.entries(view.tracks).flatMap(([name, { antibodyPins = [] }]) =>
    antibodyPins.map((pin) => `${name}: ${antibodyPinText(pin)}\n`),
  );
  const remarks = Object.entries(view.tracks).flatMap(([name, track]) =>
    (track.remarks ?? []).map((remark) => `${name}: ${remark}\n`),
  );
  const ofTracks = Object.entries(view.tracks).map(([name, track]) => [`${name}: `, track.lastFault] as const);
  const refusals = [['', view.lastFault] as const, ...ofTracks].flatMap(([about, fault]) =>
    fault === null ? [] : [`${about}${causeText(fault)}\n`],
  );
  const setAside = (view.setAside ?? []).map(
    (path) => `${onOneLine(path)} was damaged, and its copy went on: look at the disk, then remove it\n`,
  );
  const said = [...refusals, ...setAside, ...held, ...remarks];
  return `${head}\n\n${tracks}\n${said.length === 0 ? '' : `\n${said.join('')}`}`;
}

function antibodyPinText({ pinId, antibody, inUse, reason, setBy, until, followed }: AntibodyPinView): string {
  const end = until === null ? '' : ` until ${until}`;
  const how = followed ? '' : '; it could not be had yet';
  return `antibody ${shortDigest(antibody)} ${inUse ? 'in use' : 'out of use'} by pin ${pinId}${end} (${setBy}: ${reason})${how}`;
}

function becauseText({ live, pinnedUntil }: AgentView['tracks'][string]): string {
  const because = live?.because ?? null;
  if (because === null) return '';
  if (because.kind === 'channel') return `channel ${because.channel}`;
  return `pin ${because.pinId} by ${because.setBy}${pinnedUntil === null ? '' : ` until ${pinnedUntil}`}`;
}

function faultText(fault: AgentView['lastFault']): string {
  return fault === null ? '' : `${fault.code} at ${fault.at}`;
}

/** The sentence and what to do about it: messages may repeat what a peer sent. */
function causeText({ code, message }: FaultView): string {
  const remedy = remedyOf(code);
  return `${code}: ${onOneLine(message)}${remedy === '' ? '' : `: ${remedy}`}`;
}

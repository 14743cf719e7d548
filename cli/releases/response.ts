import { Command } from '@commander-js/extra-typings';
import { jsonLine, time } from '../../base/text/table.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import type { Pin } from '../../proto/release/documents/catalogue.ts';
import {
  firstResponsePolicy,
  type ResponsePolicy,
  readResponsePolicy,
  responsePolicyInForce,
  responsePolicyJson,
} from '../../proto/response-policy.ts';
import { exitWith, orExit } from '../exit.ts';
import { timeFrom } from '../operator/arguments.ts';
import { changePins } from '../operator/change-pins.ts';
import { withConnection } from '../operator/connection.ts';
import { operatorCommand, triableCommand } from '../operator/options.ts';
import { trustedReleases } from '../operator/release-trust.ts';
import { responseDifferences, responseLines } from '../operator/response-text.ts';
import { readText } from '../operator/root-files.ts';
import { complain, print } from '../print.ts';
import { signPinsCommand } from './pins.ts';

/** `testudo response policy`: what agents may do to pods, under operators' own keys. */
export function responseCommand() {
  return new Command('response')
    .description('what agents may do to pods')
    .addCommand(
      new Command('policy')
        .description(
          'the signed response policy: show, put, sign what another operator proposed, an example to begin with',
        )
        .addCommand(show())
        .addCommand(put())
        .addCommand(signPinsCommand())
        .addCommand(example()),
    );
}

function example() {
  return new Command('example')
    .description('a policy to begin with, as a file of `response policy put`: everything is observed, nothing done')
    .action(() => {
      const { expiresAtMs: _, ...policy } = responsePolicyJson(firstResponsePolicy(Date.now()));
      print(JSON.stringify(policy, null, 2));
    });
}

function show() {
  return operatorCommand('show', 'the policy in force, verified as agents verify it').action((options) =>
    withConnection(options, async (connection) => {
      const own = orExit(await readCredentials(options.credentials));
      const { pins, expired } = await trustedReleases(connection, options.credentials, own);
      const policy = responsePolicyInForce(pins.response, Date.now());
      if (options.json) {
        const fault = policy.ok ? undefined : policy.fault.code;
        print(jsonLine({ pinsVersion: pins.version, policy: pins.response, fault, expired }));
        return;
      }
      if (expired !== undefined) complain(`the signed set has expired: agents only observe: ${expired}`);
      print(policy.ok ? responseLines(policy.value).join('\n') : `${policy.fault.code}: ${policy.fault.message}`);
    }),
  );
}

function put() {
  return triableCommand(
    'put',
    'sign a policy with your pin key and propose it; agents follow it once enough have signed',
  )
    .argument('<file>', 'JSON, as `response policy example` prints it; or "none": agents only observe')
    .option('--until <time>', 'its end: 2026-12-24T18:00Z, or 36h, 14d from now', '90d')
    .option('--valid-days <count>', 'how long the signed set of pins is good; renew it before', '365')
    .action((file, options) => {
      const untilMs = timeFrom('--until', options.until, Date.now());
      return changePins(options, ({ pins, catalogue }, _setBy, nowMs) => {
        const policy = file === 'none' ? undefined : policyFrom(file, untilMs, nowMs);
        const response = policy === undefined ? null : responsePolicyJson(policy);
        const differences = responseDifferences(pins.response, response ?? undefined);
        if (!options.json) print(differences.join('\n') || 'the same policy as before');
        const [track] = Object.keys(catalogue.tracks);
        return {
          track: (pins.pins[0]?.track ?? track) as Pin['track'] | undefined,
          pins: pins.pins,
          response,
          sentence: policy === undefined ? 'no response policy: agents only observe' : sentenceOf(policy),
          facts: { policy: response },
        };
      });
    });
}

function sentenceOf({ level, rules, expiresAtMs }: ResponsePolicy): string {
  return `response policy of ${rules.length} rule(s), ${level} elsewhere, until ${time(expiresAtMs)}`;
}

function policyFrom(file: string, expiresAtMs: number, nowMs: number): ResponsePolicy {
  const text = readText(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return exitWith({ code: 'FILE_REFUSED', message: `${file} is no JSON: ${(error as Error).message}` });
  }
  const policy = orExit(readResponsePolicy({ ...(value as object), expiresAtMs }));
  orExit(responsePolicyInForce(responsePolicyJson(policy), nowMs));
  return policy;
}

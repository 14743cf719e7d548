import { agentEnv } from '../../deploy/images/images.ts';
import { type Member, startMember } from '../../lab/rig/member.ts';
import { environmentOf } from '../harness/environment.ts';

/** The agent with what the chart gives it in its environment. `testudo`: the command's script. */
export function startInstalledAgent(testudo: string, settings: readonly string[], logFile: string): Promise<Member> {
  const env = environmentOf(agentEnv);
  const set = settings.flatMap((setting) => ['--set', setting]);
  return startMember({ name: 'agent', args: [testudo, 'agent', 'run', ...set], env, logFile });
}

/** How the baselines' process hands its models over: the one place that both sides take names from. */
export function baselineFile(name: string): string {
  return `${name}.f32`;
}

/** There when every model is. */
export const doneFile = 'done';

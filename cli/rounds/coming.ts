/** Who would come to a round, in words. `tooFew`: what follows where they are not enough. */
export function comingText(connected: number, needed: number, missing: readonly string[], tooFew: string): string {
  const missed = missing.length === 0 ? '' : `; missed: ${namesText(missing)}`;
  return `${connected} connected, ${needed} needed${connected >= needed ? '' : tooFew}${missed}`;
}

function namesText(names: readonly string[]): string {
  const shown = names.slice(0, 20).join(', ');
  return names.length > 20 ? `${shown}, … ${names.length} in all` : shown;
}

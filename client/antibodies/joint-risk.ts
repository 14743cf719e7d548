/**
 * What antibodies say of an attack counts three times what the model says: it knows the attack. This, `beyondOne`, `Panel`'s
 * `halfHeard` and how features are weighed were chosen on draws of who confirms which attack that `npm run bench -- antibodies` does not
 * report; they lie where neither more nor less changes much.
 */
const antibodyWeight = 3;
/**
 * How much of the model's risk beyond 1 counts: few normal examples show no rarer share, and where what is normal has moved, a quarter
 * of all normal places are there.
 */
const beyondOne = 0.5;
/** How much of it counts below usual: that a place is very usual to the model excuses little of what an antibody knows. */
const belowUsual = 0.1;

/**
 * Both risks as one sum, each 0 as usual and 1 as one in a hundred normal places is: risks are logarithms of p-values, and to add them is to
 * multiply those (Fisher). Rises with the model's, so that where antibodies say nothing places keep the order that the model gave them.
 * ofAntibodies: not negative.
 */
export function jointRisk(ofModel: number, ofAntibodies: number): number {
  const share = ofModel < 0 ? belowUsual * ofModel : Math.min(ofModel, 1) + beyondOne * Math.max(0, ofModel - 1);
  return share + antibodyWeight * ofAntibodies;
}

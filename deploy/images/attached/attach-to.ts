import type { JsonValue } from '../../../base/canonical-json.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { checkout } from '../../../tools/setup/places.mjs';
import type { BuiltImage, Ingredients } from '../build.ts';
import { provenanceOf, type Source } from './provenance.ts';
import { type npmSbom, sbomOf } from './sbom.ts';
import { attachAll } from './sign-image.ts';

/** Describes an image as built from this checkout, and attaches all of it. `npm` and `source`: what `npmSbom` and `sourceOf` said of it. */
export async function attachTo(
  image: BuiltImage,
  {
    ingredients: { debian },
    npm,
    source,
    keys,
  }: Readonly<{
    ingredients: Pick<Ingredients, 'debian'>;
    npm: Awaited<ReturnType<typeof npmSbom>>;
    source: Source | undefined;
    keys: readonly SigningKeyPair[];
  }>,
): Promise<void> {
  const sbom = sbomOf(image, npm, debian, checkout) as unknown as JsonValue;
  const provenance = await provenanceOf(image, { debian, checkout, source });
  await attachAll(image, { sbom, provenance: provenance as unknown as JsonValue }, keys);
}

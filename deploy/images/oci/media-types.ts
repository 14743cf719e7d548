/** OCI image specification 1.1: what a blob is, by its media type. */
export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  empty: 'application/vnd.oci.empty.v1+json',
} as const;

/** What is attached to an image, by its artifact type. */
export const attachedTypes = {
  sbom: 'application/vnd.cyclonedx+json',
  provenance: 'application/vnd.in-toto+json',
  signature: 'application/vnd.dsse.envelope.v1+json',
} as const;

export type Descriptor = Readonly<{
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations?: Readonly<Record<string, string>>;
  platform?: Readonly<{ architecture: string; os: string }>;
}>;

export type Manifest = Readonly<{
  schemaVersion: 2;
  mediaType: string;
  artifactType?: string;
  config: Descriptor;
  layers: readonly Descriptor[];
  subject?: Descriptor;
  annotations?: Readonly<Record<string, string>>;
}>;

export type ImageConfig = Readonly<{
  architecture: string;
  os: string;
  config: Readonly<{
    User: string;
    Env: readonly string[];
    Entrypoint: readonly string[];
    Cmd?: readonly string[];
    WorkingDir: string;
    Volumes?: Readonly<Record<string, Readonly<Record<string, never>>>>;
    ExposedPorts?: Readonly<Record<string, Readonly<Record<string, never>>>>;
    StopSignal: string;
    Labels: Readonly<Record<string, string>>;
  }>;
  created: string;
  history: readonly Readonly<{ created: string; created_by: string }>[];
  rootfs: Readonly<{ type: 'layers'; diff_ids: readonly string[] }>;
}>;

export const tagAnnotation = 'org.opencontainers.image.ref.name';

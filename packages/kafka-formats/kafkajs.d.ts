declare module "kafkajs/src/producer/partitioners/default/murmur2.js" {
  /** 32-bit murmur2 of the UTF-8 bytes of a string, or of a buffer, as a signed integer. */
  export default function murmur2(key: string | Uint8Array): number;
}

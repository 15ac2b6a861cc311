/**
 * A certificate authority for one test, with certificates for a server on 127.0.0.1 and for a client. Made by openssl.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** PEM files. */
export interface Certificates {
  readonly caFile: string;
  readonly server: { readonly certFile: string; readonly keyFile: string };
  readonly client: { readonly certFile: string; readonly keyFile: string };
  /** The file as text, for callers that need text. */
  read(file: string): Promise<string>;
}

/** Makes them in `folder`; they are valid for a day. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => run("openssl", args);
  const [caFile, caKey] = [file("ca.pem"), file("ca.key")];
  await openssl(
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test CA"],
    ...["-keyout", caKey, "-out", caFile],
  );
  const issue = async (name: string, extension: string) => {
    const [certFile, keyFile, request] = [
      file(`${name}.pem`),
      file(`${name}.key`),
      file("request"),
    ];
    await writeFile(file("extension"), extension);
    await openssl(
      ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${name}`],
      ...["-keyout", keyFile, "-out", request],
    );
    await openssl(
      ...["x509", "-req", "-in", request, "-CA", caFile, "-CAkey", caKey, "-CAcreateserial"],
      ...["-days", "1", "-extfile", file("extension"), "-out", certFile],
    );
    return { certFile, keyFile };
  };
  return {
    caFile,
    server: await issue("server", "subjectAltName=IP:127.0.0.1,DNS:localhost\n"),
    client: await issue("client", "extendedKeyUsage=clientAuth\n"),
    read: (path) => readFile(path, "utf8"),
  };
}

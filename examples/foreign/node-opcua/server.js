// A mill behind node-opcua. Every tick changes all its variables, with one source time; each tick takes the next number
// and records it in the ledger (JSON lines, as the simulators do) before anybody can see it.
//
// Environment: MACHINE, HOST, PORT, HTTP_PORT, TICK_MS, LEDGER_DIR, CERTIFICATES (folder with tls.crt, tls.key, ca.crt and
// ca.crl; clients of that authority are trusted), PKI_DIR (writable, made anew at each start); LOGIN_USER and LOGIN_PASSWORD, where
// nobody else is to be let in.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { OPCUAServer } = require("node-opcua-server");
const { StatusCodes } = require("node-opcua-status-code");
const { MessageSecurityMode, UserTokenType } = require("node-opcua-types");
const { DataType } = require("node-opcua-variant");
const { advance, start } = require("./mill.js");

const NAMESPACE = "http://plantwright.example/foreign";
const VARIABLES = {
  Sequence: DataType.UInt32,
  State: DataType.Int32,
  GoodParts: DataType.UInt32,
  RejectedParts: DataType.UInt32,
  Power: DataType.Double,
  SpindleSpeed: DataType.Double,
  SpindleTemperature: DataType.Float,
  Program: DataType.String,
  DoorClosed: DataType.Boolean,
};

const env = (name, otherwise) => process.env[name] ?? otherwise;
const settings = {
  machine: env("MACHINE", "foreign-opcua"),
  host: env("HOST", "0.0.0.0"),
  port: Number(env("PORT", "4840")),
  httpPort: Number(env("HTTP_PORT", "8080")),
  tick: Number(env("TICK_MS", "500")),
  ledger: env("LEDGER_DIR", "ledger"),
  certificates: env("CERTIFICATES", "certificates"),
  pki: env("PKI_DIR", "pki"),
  user: env("LOGIN_USER", ""),
  password: env("LOGIN_PASSWORD", ""),
};

// The ledger's file; numbering goes on where it ends.
class Ledger {
  constructor(folder, machine) {
    fs.mkdirSync(folder, { recursive: true });
    this.machine = machine;
    this.path = path.join(folder, `${machine}.jsonl`);
    const lines = fs.existsSync(this.path) ? fs.readFileSync(this.path, "utf8").trimEnd().split("\n") : [];
    this.last = lines.length && lines[0] ? JSON.parse(lines[lines.length - 1]).n : 0;
    this.file = fs.openSync(this.path, "a");
  }

  // Time in ns since the epoch does not fit a JavaScript number; milliseconds with six zeros are the same.
  offer(date, mill) {
    this.last += 1;
    const head = `"machine":"${this.machine}","n":${this.last},"t":${date.getTime()}000000`;
    fs.writeSync(this.file, `{${head},"good":${mill.GoodParts},"rejected":${mill.RejectedParts}}\n`);
    return this.last;
  }
}

async function trustOf(certificates, pki) {
  fs.rmSync(pki, { recursive: true, force: true });
  const manager = new OPCUACertificateManager({ rootFolder: pki, automaticallyAcceptUnknownCertificate: false });
  await manager.initialize();
  const authority = pem(path.join(certificates, "ca.crt"));
  await manager.addIssuer(authority, false, true);
  await manager.addRevocationList(pem(path.join(certificates, "ca.crl")));
  return manager;
}

function pem(file) {
  const text = fs.readFileSync(file, "utf8");
  return Buffer.from(text.replace(/-----[^-]+-----/g, "").replace(/\s/g, ""), "base64");
}

function fill(server, mill, ledger) {
  const space = server.engine.addressSpace;
  const namespace = space.registerNamespace(NAMESPACE);
  const folder = namespace.addObject({ organizedBy: space.rootFolder.objects, browseName: "Mill", nodeId: "s=Mill" });
  const nodes = {};
  for (const [name, dataType] of Object.entries(VARIABLES)) {
    nodes[name] = namespace.addVariable({ componentOf: folder, browseName: name, nodeId: `s=Mill.${name}`, dataType });
  }
  const show = () => {
    const now = new Date();
    const values = { ...mill, Sequence: ledger.offer(now, mill) };
    for (const [name, dataType] of Object.entries(VARIABLES)) {
      nodes[name].setValueFromSource({ dataType, value: values[name] }, StatusCodes.Good, now);
    }
  };
  show();
  return show;
}

function serveLedger(ledger) {
  const server = http.createServer((request, response) => {
    const found = { "/healthz": () => "ok\n", "/ledger": () => fs.readFileSync(ledger.path) }[request.url.split("?")[0]];
    response.writeHead(found ? 200 : 404);
    response.end(found ? found() : "");
  });
  server.listen(settings.httpPort, settings.host);
  return server;
}

async function main() {
  const server = new OPCUAServer({
    hostname: settings.host,
    port: settings.port,
    certificateFile: path.join(settings.certificates, "tls.crt"),
    privateKeyFile: path.join(settings.certificates, "tls.key"),
    serverCertificateManager: await trustOf(settings.certificates, settings.pki),
    serverInfo: { applicationUri: `urn:plantwright.example:shopfloor:${settings.machine}` },
    securityModes: [MessageSecurityMode.SignAndEncrypt],
    allowAnonymous: !settings.user,
    userManager: {
      isValidUser: (user, password) => settings.user !== "" && user === settings.user && password === settings.password,
    },
    disableDiscovery: false,
  });
  await server.initialize();
  const ledger = new Ledger(settings.ledger, settings.machine);
  const mill = start();
  const show = fill(server, mill, ledger);
  await server.start();
  const clock = setInterval(() => {
    advance(mill, settings.tick / 1000);
    show();
  }, settings.tick);
  const web = serveLedger(ledger);
  console.log(`${settings.machine}: OPC UA at port ${settings.port}`);
  const stop = async () => {
    clearInterval(clock);
    web.close();
    await server.shutdown(0);
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});

// Calls the web service with the npm package soap, knowing of it what its WSDL says and nothing else.
//
// usage: node soap_client.mjs ADDRESS USER PASSWORD
import { createRequire } from "node:module";
import { isDeepStrictEqual, inspect } from "node:util";

// The package is installed in the directory from which this is run.
const soap = createRequire(process.cwd() + "/")("soap");

const OMS = "http://schemas.microsoft.com/office/Outlook/2006/OMS";
const [address, user, password] = process.argv.slice(2);
let wrong = 0;

function expect(what, got, want) {
  if (!isDeepStrictEqual(got, want)) {
    wrong++;
    console.log(`${what}: got ${inspect(got)}, want ${inspect(want)}`);
  }
}

const xmsUser = (word) => `<xmsUser client="soap" xmlns="${OMS}"><userId>${user}</userId><password>${word}</password></xmsUser>`;

const xmsData = (text, { to = "+12025550123", extra = ` xmlns="${OMS}"` } = {}) =>
  `<xmsData client="soap"${extra}><user><userId>${user}</userId><password>${password}</password></user>` +
  `<xmsHead><requiredService>SMS_SENDER</requiredService><sourceType>other</sourceType><to><recipient>${to}</recipient></to></xmsHead>` +
  `<xmsBody format="SMS"><content contentType="text/plain" contentId="1.txt@1" contentLocation="1.txt">${text}</content></xmsBody></xmsData>`;

// The codes in a result, in their order.
const codes = (document) => [...document.matchAll(/<error code="(\w+)" severity="(\w+)"/g)].map(([, code, severity]) => `${code}/${severity}`);

for (const [port, options] of [["OMSServiceSoap", {}], ["OMSServiceSoap12", { forceSoap12Headers: true }]]) {
  const client = await soap.createClientAsync(address + "?wsdl", options);
  const call = (name, argument) =>
    new Promise((resolve, reject) => {
      client.OMSService[port][name](argument, (err, answer) => (err ? reject(err) : resolve(answer[name + "Result"])));
    });
  const info = await call("GetServiceInfo", {});
  expect(`${port} serviceUri`, info.match(/<serviceUri>(.*)<\/serviceUri>/)?.[1], address);
  expect(`${port} GetUserInfo`, codes(await call("GetUserInfo", { xmsUser: xmsUser(password) })), ["ok/neutral"]);
  expect(`${port} GetUserInfo, wrong password`, codes(await call("GetUserInfo", { xmsUser: xmsUser("wrong") })), ["invalidUser/failure"]);
  for (const name of ["DeliverXms", "SendXms"]) {
    expect(`${port} ${name}`, codes(await call(name, { xmsData: xmsData(`${port}: ${name} &amp; Grüße 😀`) })), ["ok/neutral"]);
    expect(`${port} ${name}, bad number`, codes(await call(name, { xmsData: xmsData("hello", { to: "nobody" }) })), ["invalidRecipient/failure"]);
    expect(`${port} ${name}, empty`, codes(await call(name, { xmsData: "" })), ["ok/neutral"]);
  }
  const batch = `<xmsBatch client="soap" xmlns="${OMS}">${xmsData("one", { extra: ' id="7"' })}${xmsData("two", { to: "nobody", extra: ' id="8"' })}</xmsBatch>`;
  const responses = await call("DeliverXmsBatch", { packageXml: batch });
  expect(`${port} batch`, codes(responses), ["ok/neutral", "invalidRecipient/failure"]);
  expect(`${port} batch, its ids`, [...responses.matchAll(/<xmsResponse id="(\d+)">/g)].map((m) => m[1]), ["7", "8"]);
}
process.exit(wrong ? 1 : 0);

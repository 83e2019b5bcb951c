"""Calls the web service with zeep, knowing of it what its WSDL says and nothing else.

usage: zeep_client.py ADDRESS USER PASSWORD
"""
import logging
import sys
from xml.sax.saxutils import escape

import lxml.etree
import zeep

OMS = "http://schemas.microsoft.com/office/Outlook/2006/OMS"
address, user, password = sys.argv[1:]
wrong = []


class Complain(logging.Handler):
    def emit(self, record):
        wrong.append("zeep warns: " + record.getMessage())


logging.getLogger("zeep").addHandler(Complain(logging.WARNING))


def expect(what, got, want):
    if got != want:
        wrong.append(f"{what}: got {got!r}, want {want!r}")


def xms_user(word):
    return f'<?xml version="1.0" encoding="utf-16"?><xmsUser client="zeep" xmlns="{OMS}"><userId>{user}</userId><password>{escape(word)}</password></xmsUser>'


def xms_data(text, word=password, to="+12025550123", extra=f' xmlns="{OMS}"'):
    return (
        f'<xmsData client="zeep"{extra}><user><userId>{user}</userId><password>{escape(word)}</password></user>'
        f"<xmsHead><requiredService>SMS_SENDER</requiredService><sourceType>other</sourceType><to><recipient>{to}</recipient></to></xmsHead>"
        f'<xmsBody format="SMS"><content contentType="text/plain" contentId="1.txt@1" contentLocation="1.txt">{escape(text)}</content></xmsBody></xmsData>'
    )


def errors(document):
    """The codes and severities of the errors in a result."""
    return [(e.get("code"), e.get("severity")) for e in lxml.etree.fromstring(document).iter("{%s}error" % OMS)]


client = zeep.Client(address + "?wsdl")
for port in "OMSServiceSoap", "OMSServiceSoap12":
    oms = client.bind("OMSService", port)
    info = lxml.etree.fromstring(oms.GetServiceInfo())
    space = "{%s/serviceInfo}" % OMS
    expect(f"{port} serviceUri", info.findtext(space + "serviceUri"), address)
    expect(f"{port} SMS_SENDER", info.find(f"{space}supportedService/{space}SMS_SENDER").get("maxRecipientsPerMessage"), "50")
    expect(f"{port} GetUserInfo", errors(oms.GetUserInfo(xms_user(password))), [("ok", "neutral")])
    expect(f"{port} GetUserInfo, wrong password", errors(oms.GetUserInfo(xms_user("<wrong & worse>"))), [("invalidUser", "failure")])
    for name in "DeliverXms", "SendXms":
        call = getattr(oms, name)
        expect(f"{port} {name}", errors(call(xms_data(f"{port}: <{name}> & Grüße 😀"))), [("ok", "neutral")])
        refused = call(xms_data("hello", to="&lt;nobody&gt; &amp; sons"))
        expect(f"{port} {name}, bad number", errors(refused), [("invalidRecipient", "failure")])
        expect(f"{port} {name}, its recipientList", lxml.etree.fromstring(refused).findtext(".//{%s}recipientList" % OMS), "<nobody> & sons")
        expect(f"{port} {name}, empty", errors(call("")), [("ok", "neutral")])
        expect(f"{port} {name}, no XML", errors(call("no XML")), [("invalidFormat", "failure")])
    batch = f'<xmsBatch client="zeep" xmlns="{OMS}">' + xms_data("one", extra=' id="7"') + xms_data("two", to="nobody", extra=' id="8"') + "</xmsBatch>"
    responses = lxml.etree.fromstring(oms.DeliverXmsBatch(batch))
    expect(f"{port} batch", [(r.get("id"), r[0].get("code")) for r in responses], [("7", "ok"), ("8", "invalidRecipient")])
    expect(f"{port} batch, its namespace", {r.tag for r in responses}, {"{%s}xmsResponse" % OMS})

for complaint in wrong:
    print(complaint)
sys.exit(1 if wrong else 0)

// Calls the web service as .NET does, which is what Outlook's and SharePoint's side is written with: by the
// proxies that wsdl makes of its WSDL, for SOAP 1.1 and 1.2, and by one in the rpc/encoded style, which
// SharePoint can be set to (SPMobileMessagingAccount.SoapFormat) and no WSDL of ours tells of.
//
// usage: dotnet_client ADDRESS USER PASSWORD
using System;
using System.Linq;
using System.Net;
using System.Security;
using System.Web.Services;
using System.Web.Services.Protocols;
using System.Xml.Linq;

[WebServiceBinding(Name = "OMSServiceSoap", Namespace = Program.OMS)]
public class RpcService : SoapHttpClientProtocol {
	[SoapRpcMethod(Program.OMS + "/GetServiceInfo", RequestNamespace = Program.OMS, ResponseNamespace = Program.OMS)]
	public string GetServiceInfo() { return (string)Invoke("GetServiceInfo", new object[0])[0]; }

	[SoapRpcMethod(Program.OMS + "/GetUserInfo", RequestNamespace = Program.OMS, ResponseNamespace = Program.OMS)]
	public string GetUserInfo(string xmsUser) { return (string)Invoke("GetUserInfo", new object[] { xmsUser })[0]; }

	[SoapRpcMethod(Program.OMS + "/DeliverXms", RequestNamespace = Program.OMS, ResponseNamespace = Program.OMS)]
	public string DeliverXms(string xmsData) { return (string)Invoke("DeliverXms", new object[] { xmsData })[0]; }

	[SoapRpcMethod(Program.OMS + "/SendXms", RequestNamespace = Program.OMS, ResponseNamespace = Program.OMS)]
	public string SendXms(string xmsData) { return (string)Invoke("SendXms", new object[] { xmsData })[0]; }

	[SoapRpcMethod(Program.OMS + "/DeliverXmsBatch", RequestNamespace = Program.OMS, ResponseNamespace = Program.OMS)]
	public string DeliverXmsBatch(string packageXml) { return (string)Invoke("DeliverXmsBatch", new object[] { packageXml })[0]; }
}

static class Program {
	public const string OMS = "http://schemas.microsoft.com/office/Outlook/2006/OMS";
	static readonly XNamespace oms = OMS, serviceInfo = OMS + "/serviceInfo";
	static string user, password;
	static int wrong;

	static int Main(string[] args) {
		user = args[1];
		password = args[2];
		Try("SOAP 1.1", new Soap11.OMSService(), args[0]);
		Try("SOAP 1.2", new Soap12.OMSService(), args[0]);
		Try("rpc/encoded", new RpcService(), args[0]);
		return wrong == 0 ? 0 : 1;
	}

	static void Try(string name, SoapHttpClientProtocol service, string address) {
		service.Url = address;
		Func<string, string[], string> call = (operation, arguments) => (string)service.GetType().GetMethod(operation).Invoke(service, arguments);
		var info = XElement.Parse(call("GetServiceInfo", new string[0]));
		Expect(name + " serviceUri", (string)info.Element(serviceInfo + "serviceUri"), address);
		Expect(name + " GetUserInfo", Errors(call("GetUserInfo", new[] { XmsUser(user, password) })), "ok/neutral");
		Expect(name + " GetUserInfo, unknown user", Errors(call("GetUserInfo", new[] { XmsUser("<" + name + " & co>", "wrong") })), "invalidUser/failure");
		Expect(name + " GetUserInfo, empty", Errors(call("GetUserInfo", new[] { "" })), "invalidUser/failure");
		foreach (var operation in new[] { "DeliverXms", "SendXms" }) {
			Expect(name + " " + operation, Errors(call(operation, new[] { XmsData(name + ": <" + operation + "> & Grüße\r\n\U0001F600") })), "ok/neutral");
			var refused = call(operation, new[] { XmsData("hello", "<nobody> & sons") });
			Expect(name + " " + operation + ", bad number", Errors(refused), "invalidRecipient/failure");
			Expect(name + " " + operation + ", its recipientList", (string)XElement.Parse(refused).Descendants(oms + "recipientList").FirstOrDefault(), "<nobody> & sons");
			Expect(name + " " + operation + ", empty", Errors(call(operation, new[] { "" })), "ok/neutral");
			Expect(name + " " + operation + ", null", Errors(call(operation, new string[] { null })), "ok/neutral");
			Expect(name + " " + operation + ", no XML", Errors(call(operation, new[] { "no XML" })), "invalidFormat/failure");
		}
		var batch = "<xmsBatch client=\"Microsoft Windows SharePoint Service\" xmlns=\"" + OMS + "\">" + XmsData("one", extra: " id=\"7\"") +
			XmsData("two", "nobody", " id=\"8\"") + "</xmsBatch>";
		var responses = XElement.Parse(call("DeliverXmsBatch", new[] { batch }));
		Expect(name + " batch", Errors(responses.ToString()), "ok/neutral invalidRecipient/failure");
		Expect(name + " batch, its ids", string.Join(" ", responses.Elements(oms + "xmsResponse").Select(r => (string)r.Attribute("id"))), "7 8");
	}

	static void Expect(string what, string got, string want) {
		if (got == want)
			return;
		wrong++;
		Console.WriteLine("{0}: got {1}, want {2}", what, got, want);
	}

	// The codes and severities of the errors in a result, in their order.
	static string Errors(string document) {
		return string.Join(" ", XElement.Parse(document).Descendants(oms + "error").Select(e => (string)e.Attribute("code") + "/" + (string)e.Attribute("severity")));
	}

	static string XmsUser(string who, string word) {
		return "<?xml version=\"1.0\" encoding=\"utf-16\"?><xmsUser client=\".NET\" xmlns=\"" + OMS + "\"><userId>" + SecurityElement.Escape(who) +
			"</userId><password>" + SecurityElement.Escape(word) + "</password></xmsUser>";
	}

	static string XmsData(string text, string to = "+12025550123", string extra = " xmlns=\"" + OMS + "\"") {
		return "<xmsData client=\".NET\"" + extra + "><user><userId>" + user + "</userId><password>" + password + "</password></user>" +
			"<xmsHead><requiredService>SMS_SENDER</requiredService><sourceType>wssAlert</sourceType><to><recipient>" + SecurityElement.Escape(to) + "</recipient></to></xmsHead>" +
			"<xmsBody format=\"SMS\"><content contentType=\"text/plain\" contentId=\"1.txt@1\" contentLocation=\"1.txt\">" + SecurityElement.Escape(text) + "</content></xmsBody></xmsData>";
	}
}

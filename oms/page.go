package oms

import _ "embed"

//go:embed page.html
var pageHTML string

// serviceWSDL describes the operations, document/literal over SOAP 1.1; {{address}} is where.
//
//go:embed service.wsdl
var serviceWSDL string

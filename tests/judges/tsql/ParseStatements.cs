// Parses every file named on the command line with Microsoft's own T-SQL parser (the level of SQL Server 2019). The first
// argument says what each must be: "accepted" or "refused". What is not is printed, an error as file:line:column.
// It judges syntax only: names and types are the servers' matter.
using System;
using System.Collections.Generic;
using System.IO;
using Microsoft.SqlServer.TransactSql.ScriptDom;

static class ParseStatements
{
    static int Main(string[] arguments)
    {
        bool mustParse = arguments[0] == "accepted";
        int files = arguments.Length - 1, wrong = 0;
        for (int index = 1; index <= files; index++)
        {
            string file = arguments[index];
            IList<ParseError> errors;
            using (var reader = new StreamReader(file))
                new TSql150Parser(true).Parse(reader, out errors);
            if (mustParse == (errors.Count == 0)) continue;
            wrong++;
            if (!mustParse) Console.WriteLine("{0}: parses, but is meant not to", file);
            foreach (ParseError error in errors)
                Console.WriteLine("{0}:{1}:{2}: {3} {4}", file, error.Line, error.Column, error.Number, error.Message);
        }
        Console.WriteLine("{0}: {1} passed, {2} failed", arguments[0], files - wrong, wrong);
        return wrong == 0 && files > 0 ? 0 : 1;
    }
}

// Parses every file named on the command line with Microsoft's own T-SQL parser (the level of SQL Server 2019) and
// prints each error as file:line:column. It judges syntax only: names and types are the servers' matter.
using System;
using System.Collections.Generic;
using System.IO;
using Microsoft.SqlServer.TransactSql.ScriptDom;

static class ParseStatements
{
    static int Main(string[] files)
    {
        int refused = 0;
        foreach (string file in files)
        {
            IList<ParseError> errors;
            using (var reader = new StreamReader(file))
                new TSql150Parser(true).Parse(reader, out errors);
            foreach (ParseError error in errors)
                Console.WriteLine("{0}:{1}:{2}: {3} {4}", file, error.Line, error.Column, error.Number, error.Message);
            if (errors.Count > 0) refused++;
        }
        Console.WriteLine("{0} passed, {1} failed", files.Length - refused, refused);
        return refused == 0 && files.Length > 0 ? 0 : 1;
    }
}

<?xml version="1.0" encoding="UTF-8"?>
<!-- Shows the Define-XML of a release in a browser: data sets, variables, values by parameter, codes, methods. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
  xmlns:odm="http://www.cdisc.org/ns/odm/v1.3" xmlns:def="http://www.cdisc.org/ns/def/v2.1"
  xmlns:xlink="http://www.w3.org/1999/xlink" exclude-result-prefixes="odm def xlink">
  <xsl:output method="html" encoding="UTF-8" doctype-system="about:legacy-compat"/>
  <xsl:key name="item" match="odm:ItemDef" use="@OID"/>
  <xsl:key name="codes" match="odm:CodeList" use="@OID"/>
  <xsl:key name="method" match="odm:MethodDef" use="@OID"/>
  <xsl:key name="comment" match="def:CommentDef" use="@OID"/>
  <xsl:key name="values" match="def:ValueListDef" use="@OID"/>
  <xsl:key name="where" match="def:WhereClauseDef" use="@OID"/>

  <xsl:template match="/odm:ODM">
    <xsl:variable name="names" select="odm:Study/odm:GlobalVariables"/>
    <xsl:variable name="version" select="odm:Study/odm:MetaDataVersion"/>
    <html lang="en">
      <head>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title><xsl:value-of select="$names/odm:StudyName"/></title>
        <style>
          body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
          table { border-collapse: collapse; width: 100%; }
          th, td { border-bottom: 1px solid #bbb; padding: .3rem .5rem; text-align: left; vertical-align: top; }
          div { overflow-x: auto; }
        </style>
      </head>
      <body>
        <h1><xsl:value-of select="$names/odm:StudyName"/></h1>
        <p><xsl:value-of select="$names/odm:StudyDescription"/></p>
        <p><xsl:value-of select="$version/@Description"/></p>
        <p><xsl:value-of select="key('comment', 'COM.SCOPE')/odm:Description/odm:TranslatedText"/></p>
        <xsl:apply-templates select="$version/odm:ItemGroupDef"/>
        <h2>Codes</h2>
        <xsl:apply-templates select="$version/odm:CodeList"/>
      </body>
    </html>
  </xsl:template>

  <xsl:template match="odm:ItemGroupDef">
    <h2 id="{@OID}"><xsl:value-of select="concat(@Name, ': ', odm:Description/odm:TranslatedText)"/></h2>
    <p><xsl:value-of select="concat(@def:Structure, '; file ', def:leaf/def:title)"/></p>
    <div>
      <table>
        <tr><th>Variable</th><th>Label</th><th>Type</th><th>Length</th><th>Codes</th><th>Origin or method</th></tr>
        <xsl:for-each select="odm:ItemRef">
          <xsl:variable name="item" select="key('item', @ItemOID)"/>
          <xsl:call-template name="row">
            <xsl:with-param name="name" select="$item/@Name"/>
            <xsl:with-param name="item" select="$item"/>
            <xsl:with-param name="reference" select="."/>
          </xsl:call-template>
          <xsl:for-each select="key('values', $item/def:ValueListRef/@ValueListOID)/odm:ItemRef">
            <xsl:variable name="check" select="key('where', def:WhereClauseRef/@WhereClauseOID)/odm:RangeCheck"/>
            <xsl:call-template name="row">
              <xsl:with-param name="name" select="concat($item/@Name, ' where ',
                key('item', $check/@def:ItemOID)/@Name, ' is ', $check/odm:CheckValue)"/>
              <xsl:with-param name="item" select="key('item', @ItemOID)"/>
              <xsl:with-param name="reference" select="."/>
            </xsl:call-template>
          </xsl:for-each>
        </xsl:for-each>
      </table>
    </div>
  </xsl:template>

  <xsl:template name="row">
    <xsl:param name="name"/>
    <xsl:param name="item"/>
    <xsl:param name="reference"/>
    <tr>
      <td><xsl:value-of select="$name"/></td>
      <td><xsl:value-of select="$item/odm:Description/odm:TranslatedText"/></td>
      <td><xsl:value-of select="$item/@DataType"/></td>
      <td><xsl:value-of select="$item/@Length"/></td>
      <td>
        <xsl:for-each select="key('codes', $item/odm:CodeListRef/@CodeListOID)">
          <a href="#{@OID}"><xsl:value-of select="@Name"/></a>
        </xsl:for-each>
      </td>
      <td>
        <xsl:value-of select="key('method', $reference/@MethodOID)/odm:Description/odm:TranslatedText"/>
        <xsl:value-of select="$item/def:Origin/odm:Description/odm:TranslatedText"/>
        <xsl:if test="$item/@def:CommentOID">
          <xsl:text> </xsl:text>
          <xsl:value-of select="key('comment', $item/@def:CommentOID)/odm:Description/odm:TranslatedText"/>
        </xsl:if>
      </td>
    </tr>
  </xsl:template>

  <xsl:template match="odm:CodeList">
    <h3 id="{@OID}"><xsl:value-of select="@Name"/></h3>
    <ul>
      <xsl:for-each select="odm:CodeListItem">
        <li><xsl:value-of select="concat(@CodedValue, ': ', odm:Decode/odm:TranslatedText)"/></li>
      </xsl:for-each>
    </ul>
  </xsl:template>
</xsl:stylesheet>

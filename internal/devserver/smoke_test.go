package devserver

import ("testing";"net/http";"io";"fmt";"strings";"encoding/json")

func TestSmoke(t *testing.T){
 for _,p:=range []Profile{Current,Y2024}{
  s,err:=New(Config{Profile:p}); if err!=nil{t.Fatal(err)}
  c:=&http.Client{Transport:Transport(s)}
  cr:=s.Credentials("admin")
  r,_:=c.Post("http://x/api/v1/auth/universal-auth/login","application/json",strings.NewReader(fmt.Sprintf(`{"clientId":%q,"clientSecret":%q}`,cr.ClientID,cr.ClientSecret)))
  b,_:=io.ReadAll(r.Body); var a tokenAnswer; json.Unmarshal(b,&a)
  pid:=s.state.Projects[0].ID
  for _,u:=range []string{"/api/v1/projects","/api/v4/secrets?projectId="+pid+"&environment=dev&recursive=true","/api/v3/secrets/raw?workspaceId="+pid+"&environment=staging&include_imports=true","/api/v2/folders?recursive=true&environment=dev&projectId="+pid,"/api/v1/folders?environment=dev&workspaceId="+pid}{
   q,_:=http.NewRequest("GET","http://x"+u,nil); q.Header.Set("Authorization","Bearer "+a.AccessToken)
   r,err:=c.Do(q); if err!=nil{t.Fatal(err)}
   b,_:=io.ReadAll(r.Body); t.Log(u,r.StatusCode,len(b),string(b[:min(400,len(b))]))
  }
 }
}
